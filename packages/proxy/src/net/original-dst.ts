import type { Socket } from 'node:net';

/** Where the client of an accepted connection wanted to go before a redirect of the packet filter. */
export interface Destination {
  readonly address: string;
  readonly port: number;
}

/** undefined = not redirected, or not to be known here. */
export type OriginalDestination = (socket: Socket) => Destination | undefined;

const SOL_IP = 0;
const SOL_IPV6 = 41;
const SO_ORIGINAL_DST = 80;
const AF_INET = 2;
const AF_INET6 = 10;

/**
 * Finds `getsockopt` of the C library through koffi, which is optional; undefined where it is missing or not Linux. Here (and in
 * `keep-alive.ts`) a socket's descriptor is looked at, for which Node has no public name.
 */
export async function loadOriginalDestination(): Promise<OriginalDestination | undefined> {
  if (process.platform !== 'linux') return undefined;
  try {
    const { default: koffi } = await import('koffi');
    const getsockopt = koffi
      .load(null)
      .func('int getsockopt(int fd, int level, int name, _Out_ uint8_t *value, _Inout_ uint32_t *length)') as unknown as (
      ...args: readonly [fd: number, level: number, name: number, value: Uint8Array, length: number[]]
    ) => number;
    return (socket) => {
      const fd = descriptor(socket);
      if (fd === undefined) return undefined;
      const value = new Uint8Array(28);
      if (getsockopt(fd, SOL_IP, SO_ORIGINAL_DST, value, [16]) === 0) return decode(value);
      return getsockopt(fd, SOL_IPV6, SO_ORIGINAL_DST, value, [28]) === 0 ? decode(value) : undefined;
    };
  } catch {
    return undefined;
  }
}

/** The number of a socket in the system; undefined when it has none any more. */
export function descriptor(socket: Socket): number | undefined {
  const fd = (socket as unknown as { readonly _handle?: { readonly fd?: number } })._handle?.fd;
  return fd !== undefined && fd >= 0 ? fd : undefined;
}

/** A `sockaddr_in` or `sockaddr_in6`. */
function decode(value: Uint8Array): Destination | undefined {
  const view = new DataView(value.buffer);
  const port = view.getUint16(2);
  const family = view.getUint16(0, true);
  if (family === AF_INET) return { address: value.subarray(4, 8).join('.'), port };
  if (family !== AF_INET6) return undefined;
  const groups = Array.from({ length: 8 }, (_, i) => view.getUint16(8 + i * 2).toString(16));
  return { address: new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1), port };
}
