import type { Socket } from 'node:net';
import type { ProxyProtocolFilter } from '@meltemi/runtime';
import { readProxyHeader, type ProxyAddresses } from '@meltemi/wire';
import { createDeadline, type TimerWheel } from '../core/timer-wheel.ts';

/** What stood in front of a connection. `told` is undefined when the connection's own addresses count. */
export type ProxyHeaderResult =
  | { readonly t: 'known'; readonly told: ProxyAddresses | undefined }
  | { readonly t: 'closed'; readonly reason: string };

/** How the header is waited for. */
export interface ProxyHeaderOptions {
  readonly filter: ProxyProtocolFilter;
  readonly wheel: TimerWheel;
  /** 0 = without end. */
  readonly timeoutMs: number;
}

/** Takes the header of the PROXY protocol off a connection; what follows it stays to be read. */
export function readProxied(socket: Socket, { filter, wheel, timeoutMs }: ProxyHeaderOptions, done: (result: ProxyHeaderResult) => void): void {
  let held: Buffer = Buffer.alloc(0);
  const finish = (result: ProxyHeaderResult, rest: Buffer): void => {
    wheel.remove(deadline);
    socket.off('data', onData).off('end', onEnd).off('close', onClose);
    socket.pause();
    if (rest.length > 0) socket.unshift(rest);
    done(result);
  };
  const close = (reason: string): void => finish({ t: 'closed', reason }, NOTHING);
  const onData = (bytes: Buffer): void => {
    held = held.length === 0 ? bytes : Buffer.concat([held, bytes]);
    const found = readProxyHeader(held, held.length);
    if (found.t === 'refused') close(found.reason);
    else if (found.t === 'none') {
      if (filter.optional) finish({ t: 'known', told: undefined }, held);
      else close('there is no header of the PROXY protocol');
    } else if (found.t === 'header') {
      // Without a header one is optional: then a header of a version that is not taken is the protocol's own business.
      const disallowed = filter.disallowedVersions.includes(found.version);
      if (disallowed && filter.optional) finish({ t: 'known', told: undefined }, held);
      else if (disallowed) close(`version ${found.version} of the PROXY protocol is not allowed here`);
      else finish({ t: 'known', told: found.addresses }, held.subarray(found.end));
    }
  };
  const onEnd = (): void => close('the client ended in the header');
  const onClose = (): void => close('the client closed in the header');
  const deadline = createDeadline(() => close('the header did not come in time'));
  socket.on('data', onData).on('end', onEnd).on('close', onClose);
  if (timeoutMs > 0) wheel.set(deadline, wheel.now(), timeoutMs);
}

const NOTHING = Buffer.alloc(0);
