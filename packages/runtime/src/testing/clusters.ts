import type { CompiledCluster, Host, PickWish, RuntimeState } from '../compiled.ts';
import { createRuntimeState, type RuntimePlace } from '../state.ts';
import { cluster, endpoints, sequence, socket } from './samples.ts';

/** Clusters with hosts, for the tests of load balancing. */
export const NAME = 'c';

/** An endpoint on port 80. */
export const endpoint = (address: string, more: object = {}): object => ({ endpoint: { address: socket(address, 80) }, ...more });

/** `10.0.0.1` … of which each may be given more fields. */
export const hosts = (count: number, more: (index: number) => object = () => ({}), net = '10.0.0'): readonly object[] =>
  Array.from({ length: count }, (_, index) => endpoint(`${net}.${index + 1}`, more(index)));

export interface Built {
  readonly state: RuntimeState;
  readonly made: CompiledCluster;
  readonly all: readonly Host[];
}

/** A cluster of these localities. */
export function build(config: object, localities: readonly object[], place: RuntimePlace & { readonly policy?: object } = {}): Built {
  const state = createRuntimeState(() => 0, place);
  const assigned = { cluster_name: NAME, endpoints: localities, ...(place.policy === undefined ? {} : { policy: place.policy }) };
  state.apply({
    clusters: [cluster({ name: NAME, type: 'EDS', eds_cluster_config: { eds_config: { ads: {} } }, ...config })],
    endpoints: [endpoints(assigned)],
  });
  const made = state.cluster(NAME);
  if (made === undefined) throw new Error('no cluster');
  return { state, made, all: made.hosts() };
}

/** How often each host is picked, by the last part of its address; `none` = nobody. */
export function spread(
  made: CompiledCluster,
  picks: number,
  options: { readonly nowMs?: number; readonly wish?: PickWish; readonly seed?: number } = {},
): Readonly<Record<string, number>> {
  const { nowMs = 0, wish, seed = 1 } = options;
  const random = sequence(seed);
  const counts: Record<string, number> = {};
  for (let at = 0; at < picks; at++) {
    const key = /(\d+):\d+$/.exec(made.pick(random, nowMs, wish)?.key ?? '')?.[1] ?? 'none';
    counts[key] = (counts[key] ?? 0) + 1;
  }
  return counts;
}

/** Is the count within what chance gives in all but one of a billion runs (six standard deviations)? */
export function isPlausible(count: number | undefined, picks: number, share: number): boolean {
  return Math.abs((count ?? 0) - picks * share) <= 6 * Math.sqrt(picks * share * (1 - share)) + 1;
}
