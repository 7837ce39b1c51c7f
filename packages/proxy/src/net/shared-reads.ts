import { Socket, type OnReadOpts } from 'node:net';

/** The places in which a socket keeps what its `onread` option said. */
interface Places {
  readonly buffer: symbol;
  readonly callback: symbol;
}

type Slots = Record<symbol, unknown> & { readonly _handle?: { useUserBuffer?: (buffer: Uint8Array) => void } | null };

const PLACES = findPlaces();

/** Whether this runtime reads accepted sockets into a given buffer. */
export const READS_ACCEPTED: boolean = PLACES !== undefined;

/**
 * Makes a socket read into a given buffer from now on, as `net.connect` does with `onread` (Node API, `net.connect`): `net.Server` has no such option, and makes
 * 64 KiB for each read (decision 6). Call it before anything listens to `data`, when nothing is left to be read. false: this socket cannot (it is inside the
 * process, closed, or the runtime keeps these things elsewhere); then it tells `data` as always.
 */
export function readInto(socket: Socket, buffer: Buffer, callback: OnReadOpts['callback']): boolean {
  if (PLACES === undefined || socket.destroyed) return false;
  const slots = socket as unknown as Slots;
  const { _handle: handle } = slots;
  if (typeof handle?.useUserBuffer !== 'function' || slots[PLACES.buffer] !== null) return false;
  handle.useUserBuffer(buffer);
  slots[PLACES.buffer] = buffer;
  slots[PLACES.callback] = callback;
  return true;
}

/** Where a socket with the option differs from one without: undefined unless that is two places, and as expected. */
function findPlaces(): Places | undefined {
  // Bun would copy into it what came in a buffer of its own.
  if (process.versions['bun'] !== undefined) return undefined;
  const bytes = Buffer.alloc(1);
  const heard = (): boolean => true;
  const plain = new Socket() as unknown as Slots;
  const given = new Socket({ onread: { buffer: bytes, callback: heard } }) as unknown as Slots;
  const differing = Object.getOwnPropertySymbols(given).filter((place) => plain[place] === null && given[place] !== null);
  const buffer = differing.find((place) => given[place] === bytes);
  const callback = differing.find((place) => given[place] === heard);
  return differing.length === 2 && buffer !== undefined && callback !== undefined ? { buffer, callback } : undefined;
}
