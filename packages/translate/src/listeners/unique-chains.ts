import type { CidrRange, FilterChain } from '@meltemi/protos-types';

/** A proxy refuses a listener in which two chains match alike: what an earlier one has taken (a name, at a range of addresses) stays with it. */
export function uniqueChains(chains: readonly FilterChain[]): readonly FilterChain[] {
  const seen = new Set<string>();
  const isNew = (key: string): boolean => seen.size < seen.add(key).size;
  return chains.flatMap((chain): readonly FilterChain[] => {
    const { server_names: names, prefix_ranges: ranges, ...rest } = chain.filter_chain_match ?? {};
    const left = (ranges ?? [undefined]).map((range) => ({
      range,
      names: (names ?? [undefined]).filter((name) => isNew(JSON.stringify([rest, name, range === undefined ? '' : rangeKey(range)]))),
    }));
    if (left.every((part) => part.names.length === (names?.length ?? 1))) return [chain];
    const free = left.filter((part) => part.names.length > 0);
    const parts = [...Map.groupBy(free, (part) => part.names.join()).values()];
    return parts.map((group) => ({
      ...chain,
      filter_chain_match: {
        ...rest,
        ...(names === undefined ? {} : { server_names: group[0]?.names.flatMap((name) => name ?? []) ?? [] }),
        ...(ranges === undefined ? {} : { prefix_ranges: group.flatMap(({ range }) => range ?? []) }),
      },
    }));
  });
}

/** The same for ranges that hold the same addresses: what of an IPv4 address lies behind the prefix says nothing. */
function rangeKey({ address_prefix = '', prefix_len = 0 }: CidrRange): string {
  const parts = address_prefix.split('.').map(Number);
  if (parts.length !== 4) return `${address_prefix.toLowerCase()}/${prefix_len}`;
  const address = parts.reduce((sum, part) => sum * 256 + part, 0);
  return `${Math.floor(address / 2 ** (32 - prefix_len))}/${prefix_len}`;
}
