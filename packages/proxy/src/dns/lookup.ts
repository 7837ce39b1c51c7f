import type { DnsFamily } from '@meltemi/runtime';
import type { Resolve, ResolvedAddress } from './resolve-name.ts';

/** `auto`: IPv6 when there is any, else IPv4, as Envoy does. Sorted, so that the order of answers changes nothing. */
export async function lookup(name: string, family: DnsFamily, resolve: Resolve): Promise<readonly ResolvedAddress[]> {
  const sorted = async (version: 4 | 6): Promise<readonly ResolvedAddress[]> =>
    (await resolve(name, version)).toSorted((a, b) => (a.address < b.address ? -1 : 1));
  if (family === 'v4') return sorted(4);
  if (family === 'v6') return sorted(6);
  const [six, four] = await Promise.allSettled([sorted(6), sorted(4)]);
  const addresses6 = six.status === 'fulfilled' ? six.value : [];
  const addresses4 = four.status === 'fulfilled' ? four.value : [];
  if (addresses4.length + addresses6.length === 0 && four.status === 'rejected') throw four.reason;
  if (family === 'all') return [...addresses6, ...addresses4];
  const [first, second] = family === 'prefer-v4' ? [addresses4, addresses6] : [addresses6, addresses4];
  return first.length > 0 ? first : second;
}
