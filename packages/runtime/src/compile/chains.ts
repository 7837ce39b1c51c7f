import type { ConnectionInfo } from '../compiled.ts';
import type { CidrRange } from '../types/common.ts';
import type { FilterChain, FilterChainMatch } from '../types/listener.ts';
import { cidrTable, isLoopback } from './cidr.ts';

/**
 * Envoy's choice of a filter chain. Criteria are looked at one after the other, in this order: destination port, destination address,
 * server name, transport protocol, application protocol, direct source address, source type, source address, source port. At each
 * step the most specific value that some chain names is taken, and there is no way back: chains with a less specific value at that
 * step are out, even when a later criterion then fails. `undefined` = nothing matched.
 */
export type ChainSelector<T> = (connection: ConnectionInfo) => T | undefined;

/** One criterion: the chains that remain, split by their values of it. */
type Step = <T>(chains: readonly Candidate<T>[], next: (rest: readonly Candidate<T>[]) => ChainSelector<T>) => ChainSelector<T>;

interface Candidate<T> {
  readonly match: FilterChainMatch;
  readonly item: T;
}

export function compileChains<T>(chains: readonly (readonly [FilterChain, T])[]): ChainSelector<T> {
  const candidates = chains.map(([chain, item]) => ({ match: chain.match, item }));
  return build(candidates, 0);
}

const STEPS: readonly Step[] = [
  byKey(
    (match) => (match.destinationPort === undefined ? [] : [match.destinationPort]),
    (connection) => [connection.destination.port],
  ),
  byRange(
    (match) => match.prefixRanges,
    (connection) => connection.destination.address,
  ),
  byKey(
    (match) => match.serverNames,
    (connection) => serverNames(connection.serverName),
  ),
  byKey(
    (match) => (match.transportProtocol === undefined ? [] : [match.transportProtocol]),
    (connection) => [connection.transportProtocol],
  ),
  byKey(
    (match) => match.applicationProtocols,
    (connection) => connection.applicationProtocols,
  ),
  byRange(
    (match) => match.directSourcePrefixRanges,
    (connection) => connection.directSource.address,
  ),
  byKey(
    (match) => (match.sourceType === 'any' ? [] : [match.sourceType]),
    (connection) => [isLocal(connection) ? 'local' : 'external'],
  ),
  byRange(
    (match) => match.sourcePrefixRanges,
    (connection) => connection.source.address,
  ),
  byKey(
    (match) => match.sourcePorts,
    (connection) => [connection.source.port],
  ),
];

function build<T>(chains: readonly Candidate<T>[], depth: number): ChainSelector<T> {
  const step = STEPS[depth];
  if (step === undefined) {
    const item = chains[0]?.item;
    return () => item;
  }
  return step(chains, (rest) => build(rest, depth + 1));
}

/** The exact source and destination, or both on this host. */
function isLocal(connection: ConnectionInfo): boolean {
  return isLoopback(connection.source.address) || connection.source.address === connection.destination.address;
}

/** `a.b.c`, `.b.c`, `.c`: exact first, then ever wider wildcards. */
function serverNames(name: string): readonly string[] {
  if (name === '') return [];
  const names = [name];
  for (let dot = name.indexOf('.', 1); dot > 0 && dot < name.length - 1; dot = name.indexOf('.', dot + 1)) names.push(name.slice(dot));
  return names;
}

/** A criterion of plain values: `keysOf` a connection in order of preference; no values = any. */
function byKey<K extends string | number>(
  valuesOf: (match: FilterChainMatch) => readonly K[],
  keysOf: (connection: ConnectionInfo) => readonly K[],
): Step {
  return (chains, next) => {
    const groups = new Map<K, typeof chains>();
    const any = chains.filter((chain) => valuesOf(chain.match).length === 0);
    for (const chain of chains) {
      for (const value of valuesOf(chain.match)) groups.set(value, [...(groups.get(value) ?? []), chain]);
    }
    const rest = any.length === 0 ? undefined : next(any);
    if (groups.size === 0) return rest ?? (() => undefined);
    const table = new Map([...groups].map(([value, group]) => [value, next(group)]));
    return (connection) => {
      for (const key of keysOf(connection)) {
        const found = table.get(key);
        if (found !== undefined) return found(connection);
      }
      return rest?.(connection);
    };
  };
}

/** A criterion of address ranges; the longest that holds the address is taken. */
function byRange(rangesOf: (match: FilterChainMatch) => readonly CidrRange[], addressOf: (connection: ConnectionInfo) => string): Step {
  return (chains, next) => {
    const groups = new Map<string, { range: CidrRange; chains: typeof chains }>();
    for (const chain of chains) {
      for (const range of rangesOf(chain.match)) {
        const key = `${range.address}/${range.prefixLength}`;
        groups.set(key, { range, chains: [...(groups.get(key)?.chains ?? []), chain] });
      }
    }
    const any = chains.filter((chain) => rangesOf(chain.match).length === 0);
    const rest = any.length === 0 ? undefined : next(any);
    if (groups.size === 0) return rest ?? (() => undefined);
    const table = cidrTable(
      [...groups.values()].map((group) => [group.range, next(group.chains)] as const),
      rest,
    );
    return (connection) => table.find(addressOf(connection))?.(connection);
  };
}
