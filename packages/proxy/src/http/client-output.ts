import type { HeadScanner } from '@meltemi/wire';
import { Output } from '../core/output.ts';
import type { Worker } from '../core/worker.ts';
import { asBuffer } from '../net/node-bytes.ts';
import type { Transport } from '../types.ts';
import { BodyWriter } from './body-writer.ts';
import type { Exchange } from './exchange.ts';
import { buildResponseHead, type ResponseFraming } from './response-head.ts';
import type { Persistence } from './persistence.ts';
import { buildInterimHead } from './interim.ts';
import type { HeadRead, ResponseBody } from './stream.ts';

/** Bytes of a body up to so many go out in one piece with their head. */
const JOIN_BYTES = 64 * 1024;

/** The connection that the output belongs to. */
interface Client {
  /** The client takes what was gathered slowly. */
  slow(): void;
  /** There is room again. */
  ready(): void;
}

/** Writes responses to a client of HTTP/1.x: at once where head and body are at hand together, gathered where the body comes as payload. */
export class ClientOutput {
  /** The client does not take what was written. */
  blocked = false;
  readonly #worker: Worker;
  readonly #transport: Transport;
  readonly #persistence: Persistence;
  readonly #client: Client;
  /** Made when the first payload comes. */
  #writer: BodyWriter | undefined = undefined;
  /** The present response goes through the writer. */
  #framing = false;

  constructor(worker: Worker, transport: Transport, persistence: Persistence, client: Client) {
    this.#worker = worker;
    this.#transport = transport;
    this.#persistence = persistence;
    this.#client = client;
  }

  now(bytes: Uint8Array, start: number, end: number): boolean {
    if (this.#writer !== undefined && this.#writer.output.length > 0) this.#writer.output.flush();
    const accepted = this.#transport.write(bytes, start, end);
    if (!accepted) this.blocked = true;
    return accepted;
  }

  text(text: string): void {
    const { scratch } = this.#worker.buffers;
    const bytes = text.length > scratch.length ? Buffer.from(text, 'latin1') : scratch;
    const length = bytes === scratch ? scratch.write(text, 0, 'latin1') : bytes.length;
    this.now(bytes, 0, length);
  }

  /** Body bytes in the form that the head was told. */
  body(x: Exchange | undefined, bytes: Uint8Array, start: number, end: number): boolean {
    if (!this.#framing || this.#writer === undefined) return this.now(bytes, start, end);
    if (x !== undefined) x.info.bytesSent += end - start;
    return this.#writer.write(bytes, start, end) && !this.blocked;
  }

  endBody(trailers: Uint8Array | undefined): void {
    if (this.#framing) this.#writer?.end(trailers);
    this.#framing = false;
  }

  head(x: Exchange, read: HeadRead, body: ResponseBody): void {
    const framing = this.#framingOf(x, body);
    const length = buildResponseHead(x, read, { close: x.phase !== 'tunnel' && this.#persistence.closesAfter(x), framing });
    x.info.responseHeadBytes = length;
    const { scratch } = this.#worker.buffers;
    if (body !== 'payload') {
      this.now(scratch, 0, length);
      return;
    }
    this.#framing = true;
    this.#writer ??= new BodyWriter(new Output(this.#worker.outputs, this.#transport, this));
    this.#writer.begin(scratch, length, framing === 'chunked' || (framing === 'kept' && this.#worker.responseScanner.chunked));
  }

  interim(x: Exchange, read: HeadRead | undefined): void {
    const length = buildInterimHead(x, read);
    this.now(this.#worker.buffers.scratch, 0, length);
  }

  /** Head and body bytes as they came, in one write when small. */
  joined(x: Exchange, read: HeadRead, next: number): boolean {
    const { responseScanner: scanner, buffers } = this.#worker;
    if (!scanner.chunked && scanner.contentLength < 0) this.#persistence.closeAfter = true;
    const length = buildResponseHead(x, read, { close: this.#persistence.closesAfter(x), framing: 'kept' });
    x.info.responseHeadBytes = length;
    const { scratch } = buffers;
    const { bytes, after } = read;
    if (next - after <= JOIN_BYTES && length + next - after <= scratch.length) {
      const joined = length + (next > after ? asBuffer(bytes).copy(scratch, length, after, next) : 0);
      return this.now(scratch, 0, joined);
    }
    this.now(scratch, 0, length);
    return this.now(bytes, after, next);
  }

  onFlushed(accepted: boolean): void {
    const waits = this.#writer?.resume() === true;
    if (!accepted) {
      this.blocked = true;
      this.#client.slow();
    } else if (waits) this.#client.ready();
  }

  /** What is gathered goes out now. */
  flush(): void {
    this.#writer?.output.flush();
  }

  drop(): void {
    this.#writer?.output.drop();
  }

  /** How the client sees where the body ends. */
  #framingOf(x: Exchange, body: ResponseBody): ResponseFraming['framing'] {
    const { responseScanner: scanner } = this.#worker;
    if (scanner.contentLength >= 0 || x.phase === 'tunnel') return 'kept';
    if (body === 'none') return bodiless(x, scanner);
    if (!x.http10) return 'chunked';
    this.#persistence.closeAfter = true;
    return 'bare';
  }
}

/** A response without body whose head tells no length. What stands for HEAD is what GET would have: chunks. */
function bodiless(x: Exchange, { status, chunked }: HeadScanner): ResponseFraming['framing'] {
  if (chunked || status === 204 || status === 304 || (x.isHead && x.http10)) return 'kept';
  return x.isHead ? 'chunked' : 'empty';
}
