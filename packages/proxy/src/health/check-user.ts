import type { HeadRead, UpstreamStream, UpstreamUser } from '../http/stream.ts';
import { headerValue } from '../http/request-view.ts';
import type { Worker } from '../core/worker.ts';
import type { HeadScanner } from '@meltemi/wire';

/** The answer to a check. */
export interface CheckAnswer {
  readonly status: number;
  /** Of the head, or of the trailers, by lower-case name. */
  header(name: string): string | undefined;
  readonly body: Buffer;
}

/** Collects the answer to one check; `answered(undefined)` = it broke off. */
export class CheckUser implements UpstreamUser {
  readonly isHead: boolean;
  readonly scheme: 'http' | 'https';
  readonly upgrade = '';
  readonly #worker: Worker;
  readonly #wanted: readonly string[];
  readonly #maxBodyBytes: number;
  readonly #answered: (answer: CheckAnswer | undefined) => void;
  readonly #headers = new Map<string, string>();
  readonly #body: Buffer[] = [];
  #bytes = 0;
  #status = 0;

  constructor(
    worker: Worker,
    of: { readonly isHead: boolean; readonly tls: boolean; readonly headers: readonly string[]; readonly maxBodyBytes: number },
    answered: (answer: CheckAnswer | undefined) => void,
  ) {
    this.#worker = worker;
    this.isHead = of.isHead;
    this.scheme = of.tls ? 'https' : 'http';
    this.#wanted = of.headers;
    this.#maxBodyBytes = of.maxBodyBytes;
    this.#answered = answered;
  }

  onResponse(stream: UpstreamStream, read: HeadRead): number {
    const { responseScanner: scanner } = this.#worker;
    this.#status = scanner.status;
    this.#note(scanner, read.bytes);
    stream.takePayload();
    return read.after;
  }

  onResponseBody(bytes: Uint8Array, start: number, end: number): void {
    const taken = Math.min(end - start, this.#maxBodyBytes - this.#bytes);
    if (taken <= 0) return;
    this.#bytes += taken;
    this.#body.push(Buffer.from(bytes.subarray(start, start + taken)));
  }

  onResponseLast(bytes: Uint8Array, start: number, end: number): void {
    this.onResponseBody(bytes, start, end);
    this.onResponseEnd(0, undefined);
  }

  onResponseEnd(_: number, trailers: Uint8Array | undefined): void {
    for (const line of trailers === undefined ? [] : Buffer.from(trailers).toString('latin1').split('\r\n')) {
      const colon = line.indexOf(':');
      const name = line.slice(0, colon).toLowerCase();
      if (this.#wanted.includes(name)) this.#headers.set(name, line.slice(colon + 1).trim());
    }
    this.#answered({ status: this.#status, header: (name) => this.#headers.get(name), body: Buffer.concat(this.#body) });
  }

  onUpstreamLost(): void {
    this.#answered(undefined);
  }

  onTunnelData(): void {
    // No tunnel is asked for.
  }
  onTunnelEnd(): void {
    // As above.
  }
  onUpstreamSlow(): void {
    // All that is sent is small.
  }
  onUpstreamDrain(): void {
    // As above.
  }

  #note(scanner: HeadScanner, bytes: Uint8Array): void {
    for (const name of this.#wanted) {
      const value = headerValue(scanner, bytes, name);
      if (value !== undefined) this.#headers.set(name, value);
    }
  }
}
