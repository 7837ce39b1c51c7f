import type { Socket } from 'node:net';
import type { MetadataStruct, ProxyProtocolFilter } from '@meltemi/runtime';
import { readProxyHeader, type ProxyAddresses, type ProxyTlv } from '@meltemi/wire';
import { createDeadline } from '../core/timer-wheel.ts';
import type { ToldByProxy } from '../types.ts';
import type { Patience } from './early.ts';

/** What stood in front of a connection. `addresses` is undefined when the connection's own count; `late` = it did not come in time. */
export type ProxyHeaderResult =
  | { readonly t: 'known'; readonly addresses: ProxyAddresses | undefined; readonly tlvs: readonly ProxyTlv[] }
  | { readonly t: 'late' }
  | { readonly t: 'closed'; readonly reason: string };

/** Takes the header of the PROXY protocol off a connection; what follows it stays to be read. */
export function readProxied(
  socket: Socket,
  filter: ProxyProtocolFilter,
  { wheel, untilMs, goesOn, onLate }: Patience,
  done: (result: ProxyHeaderResult) => void,
): void {
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
      if (filter.optional) finish(UNTOLD, held);
      else close('there is no header of the PROXY protocol');
    } else if (found.t === 'header') {
      // Without a header one is optional: then a header of a version that is not taken is the protocol's own business.
      const disallowed = filter.disallowedVersions.includes(found.version);
      if (disallowed && filter.optional) finish(UNTOLD, held);
      else if (disallowed) close(`version ${found.version} of the PROXY protocol is not allowed here`);
      else finish({ t: 'known', addresses: found.addresses, tlvs: found.tlvs }, held.subarray(found.end));
    }
  };
  const onEnd = (): void => close('the client ended in the header');
  const onClose = (): void => close('the client closed in the header');
  const deadline = createDeadline(() => {
    onLate();
    if (goesOn) finish({ t: 'late' }, held);
    else close('the header did not come in time');
  });
  socket.on('data', onData).on('end', onEnd).on('close', onClose);
  if (untilMs !== Infinity) wheel.set(deadline, wheel.now(), untilMs - wheel.recent);
}

const NOTHING = Buffer.alloc(0);
const UNTOLD: ProxyHeaderResult = { t: 'known', addresses: undefined, tlvs: [] };

/** What a listener keeps of a header's extensions; undefined = nothing. */
export function toldBy({ passThrough, rules }: ProxyProtocolFilter, tlvs: readonly ProxyTlv[]): ToldByProxy | undefined {
  if (tlvs.length === 0) return undefined;
  const metadata = new Map<string, MetadataStruct>();
  for (const { type, namespace, key } of rules) {
    const value = tlvs.find((tlv) => tlv.type === type)?.value;
    if (value !== undefined) metadata.set(namespace, { ...metadata.get(namespace), [key]: Buffer.from(value).toString('utf8') });
  }
  const passed = passThrough === 'all' ? tlvs : tlvs.filter(({ type }) => passThrough.includes(type));
  return passed.length === 0 && metadata.size === 0 ? undefined : { tlvs: passed, metadata };
}
