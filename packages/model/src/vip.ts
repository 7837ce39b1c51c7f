import type { Vip } from './types/service.ts';

/** What addresses are still free: service key → its octets. The value of one allocation is the input of the next. */
export type VipTable = ReadonlyMap<string, Vip>;

const SPAN = 254;
const SPACE = SPAN * SPAN;

/**
 * Octets for every key, keeping all of `previous` that are still asked for. A new key takes the slot of its hash, or the next free one. New
 * keys are placed in sorted order, so the result does not depend on the order of `keys`, and mostly not on history either. Keys that find no
 * free slot (64,516 are there) are left out.
 */
export function allocateVips(keys: Iterable<string>, previous: VipTable = new Map()): VipTable {
  const wanted = [...new Set(keys)].sort();
  const result = new Map<string, Vip>();
  const taken = new Set<number>();
  for (const key of wanted) {
    const kept = previous.get(key);
    if (kept === undefined) continue;
    result.set(key, kept);
    taken.add(slotOf(kept));
  }
  for (const key of wanted) {
    if (result.has(key)) continue;
    const slot = freeSlot(hash(key) % SPACE, taken);
    if (slot === undefined) break;
    taken.add(slot);
    result.set(key, { a: 1 + Math.floor(slot / SPAN), b: 1 + (slot % SPAN) });
  }
  return result;
}

function slotOf(vip: Vip): number {
  return (vip.a - 1) * SPAN + (vip.b - 1);
}

function freeSlot(start: number, taken: ReadonlySet<number>): number | undefined {
  for (let step = 0; step < SPACE; step++) {
    const slot = (start + step) % SPACE;
    if (!taken.has(slot)) return slot;
  }
  return undefined;
}

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193) >>> 0;
  return value;
}

/**
 * The address under which a node reaches a service: 240.240.a.b where connections are redirected. Where listeners bind it themselves it must be
 * the client's alone, for all sidecars of a machine share loopback: the second octet is then the one of the client's own 127.n.0.1.
 */
export function vipAddress(vip: Vip, node: { readonly interception: 'REDIRECT' | 'NONE'; readonly address: string }): string {
  if (node.interception === 'REDIRECT') return `240.240.${vip.a}.${vip.b}`;
  const own = /^127\.(\d{1,3})\./.exec(node.address);
  return `127.${own?.[1] ?? '240'}.${vip.a}.${vip.b}`;
}
