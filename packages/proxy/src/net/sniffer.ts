import type { Socket } from 'node:net';
import { createDeadline } from '../core/timer-wheel.ts';
import { MAX_HELLO_BYTES, readClientHello } from './client-hello.ts';
import type { Patience } from './early.ts';
import { IN_THE_LINE_BYTES, isControl, MAX_REQUEST_LINE_BYTES, sniffHttp } from './http-sniff.ts';

/** What the listener filters found out. */
export interface Sniffed {
  readonly transportProtocol: 'tls' | 'raw_buffer';
  readonly serverName: string;
  readonly applicationProtocols: readonly string[];
}

/** `bytes` were read already and are still to be handled. */
export type SniffResult =
  | { readonly t: 'known'; readonly sniffed: Sniffed; readonly bytes: Buffer | undefined }
  | { readonly t: 'closed'; readonly reason: string };

const PLAIN: Sniffed = { transportProtocol: 'raw_buffer', serverName: '', applicationProtocols: [] };

/** Looking again makes no sense with fewer than `atLeast` bytes, in a request line (`line`) unless there is a control character. */
interface Undecided {
  readonly t: 'more';
  readonly atLeast: number;
  readonly line: boolean;
}

/** What is looked for. */
export interface SniffWish {
  readonly tls: boolean;
  readonly http: boolean;
}

/** Decides as soon as the bytes allow. */
function judge(bytes: Uint8Array, length: number, wish: SniffWish): Sniffed | Undecided {
  if (wish.tls) {
    const hello = readClientHello(bytes, length);
    if (hello.t === 'more') return { ...hello, line: false };
    if (hello.t === 'tls') return { transportProtocol: 'tls', serverName: hello.serverName, applicationProtocols: hello.alpn };
  }
  if (!wish.http) return PLAIN;
  const protocol = sniffHttp(bytes, length);
  if (protocol === 'more') return length < IN_THE_LINE_BYTES ? ANY_BYTE : END_OF_LINE;
  return protocol === '' ? PLAIN : { ...PLAIN, applicationProtocols: [protocol] };
}

const ANY_BYTE: Undecided = { t: 'more', atLeast: 0, line: false };
const END_OF_LINE: Undecided = { t: 'more', atLeast: MAX_REQUEST_LINE_BYTES + 1, line: true };

/** Gathers bytes and says what they are: what comes byte by byte costs no more, in all, than what comes at once. */
export class SniffedBytes {
  #buffer: Buffer = Buffer.alloc(0);
  #length = 0;
  #undecided = ANY_BYTE;

  get bytes(): Buffer | undefined {
    return this.#length === 0 ? undefined : this.#buffer.subarray(0, this.#length);
  }

  /** undefined = more are needed. */
  add(bytes: Buffer, wish: SniffWish): Sniffed | undefined {
    this.#append(bytes);
    const { atLeast, line } = this.#undecided;
    if (this.#length < atLeast && !(line && bytes.some(isControl))) return undefined;
    const found = judge(this.#buffer, this.#length, wish);
    if (!('t' in found)) return found;
    this.#undecided = found;
    return this.#length > MAX_HELLO_BYTES ? PLAIN : undefined;
  }

  #append(bytes: Buffer): void {
    const length = this.#length + bytes.length;
    if (this.#length === 0) this.#buffer = bytes;
    else {
      if (length > this.#buffer.length) {
        const larger = Buffer.allocUnsafe(2 * length);
        this.#buffer.copy(larger, 0, 0, this.#length);
        this.#buffer = larger;
      }
      bytes.copy(this.#buffer, this.#length);
    }
    this.#length = length;
  }
}

/** Reads the first bytes of a connection, no more of them and no longer than the listener says, and tells what they are. */
export function sniff(socket: Socket, wish: SniffWish, { wheel, untilMs, goesOn, onLate }: Patience, done: (result: SniffResult) => void): void {
  const held = new SniffedBytes();
  const finish = (result: SniffResult): void => {
    wheel.remove(deadline);
    socket.off('data', onData).off('end', onEnd).off('close', onClose);
    socket.pause();
    done(result);
  };
  const onData = (bytes: Buffer): void => {
    const found = held.add(bytes, wish);
    if (found !== undefined) finish({ t: 'known', sniffed: found, bytes: held.bytes });
  };
  const onEnd = (): void => finish({ t: 'closed', reason: 'the client ended before it was known what it speaks' });
  const onClose = (): void => finish({ t: 'closed', reason: 'the client closed before it said anything' });
  const deadline = createDeadline(() => {
    onLate();
    if (goesOn) finish({ t: 'known', sniffed: PLAIN, bytes: held.bytes });
    else finish({ t: 'closed', reason: 'the client said nothing in time' });
  });
  socket.on('data', onData).on('end', onEnd).on('close', onClose);
  if (untilMs !== Infinity) wheel.set(deadline, wheel.now(), untilMs - wheel.recent);
}
