import type { Socket } from 'node:net';
import type { Log } from '@meltemi/base';
import type { KeepAlive } from './net-port.ts';
import { descriptor } from './original-dst.ts';

const IPPROTO_TCP = 6;
const TCP_KEEPINTVL = 5;
const TCP_KEEPCNT = 6;

type SetSocketOption = (...args: readonly [fd: number, level: number, name: number, value: Int32Array, length: number]) => number;

let setter: Promise<SetSocketOption | undefined> | undefined;

/** `setsockopt` of the C library through koffi, which is optional; undefined where it is missing or not Linux. */
async function load(): Promise<SetSocketOption | undefined> {
  if (process.platform !== 'linux') return undefined;
  try {
    const { default: koffi } = await import('koffi');
    return koffi.load(null).func('int setsockopt(int fd, int level, int name, const int32_t *value, uint32_t length)') as unknown as SetSocketOption;
  } catch {
    return undefined;
  }
}

let told = false;

/**
 * How often a silent connection is probed, and how many probes may stay unanswered: what Node itself cannot set. Where it cannot be set at all the
 * system's own values stay, which is said once.
 */
export function setProbes(socket: Socket, { intervalSeconds, probes }: KeepAlive, log: Log): void {
  if (intervalSeconds === undefined && probes === undefined) return;
  void (setter ??= load()).then((set) => {
    const fd = descriptor(socket);
    if (fd === undefined) return;
    const values = [
      [TCP_KEEPINTVL, intervalSeconds],
      [TCP_KEEPCNT, probes],
    ] as const;
    const done = values.every(([name, value]) => value === undefined || set?.(fd, IPPROTO_TCP, name, Int32Array.of(value), 4) === 0);
    if (done || told) return;
    told = true;
    log.warn('interval and number of keep-alive probes cannot be set here; the system uses its own', { interval: intervalSeconds, probes });
  });
}
