import type { FilterChain } from '@meltemi/protos-types';

/** A proxy refuses a listener in which two chains match alike: what an earlier one has taken stays with it. */
export function uniqueChains(chains: readonly FilterChain[]): readonly FilterChain[] {
  const seen = new Set<string>();
  const isNew = (key: string): boolean => seen.size < seen.add(key).size;
  return chains.flatMap((chain) => {
    const { server_names: names, ...rest } = chain.filter_chain_match ?? {};
    const others = JSON.stringify(rest);
    if (names === undefined) return isNew(others) ? [chain] : [];
    const left = names.filter((name) => isNew(`${name} ${others}`));
    if (left.length === names.length) return [chain];
    return left.length === 0 ? [] : [{ ...chain, filter_chain_match: { ...rest, server_names: left } }];
  });
}
