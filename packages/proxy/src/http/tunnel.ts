import type { Exchange } from './exchange.ts';

/** The client's half of a tunnel: bytes to the upstream, and the two ends of it. */
export class Tunnel {
  #ends = 0;

  /** Bytes of the client. Answers false when the upstream is slower. */
  fromClient(x: Exchange, bytes: Uint8Array, start: number, end: number): boolean {
    x.info.bytesReceived += end - start;
    return x.upstream === undefined || x.upstream.write(bytes, start, end);
  }

  /** One side will send nothing more; answers whether both have said so. */
  sideEnded(): boolean {
    return ++this.#ends === 2;
  }
}
