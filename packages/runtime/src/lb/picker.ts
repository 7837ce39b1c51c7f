import type { Host } from '../compiled.ts';
import type { LoadBalancing } from '../types/cluster.ts';

/** A choice among a fixed set of hosts. State (the turn) belongs to the picker; hosts are looked at, never changed. */
export interface Picker {
  readonly hosts: readonly Host[];
  pick(random: () => number): Host | undefined;
}

export interface Weighted {
  readonly host: Host;
  readonly weight: number;
}

/** Pickers for one set of hosts; `start` in [0, 1) is where the turn begins, so that many proxies do not start on the same host. */
export function createPicker(policy: LoadBalancing, entries: readonly Weighted[], start: number): Picker {
  const hosts = entries.map((entry) => entry.host);
  const [only] = hosts;
  if (hosts.length <= 1) return { hosts, pick: () => only };
  const draw = createDraw(entries);
  if (policy.t === 'least-request') return { hosts, pick: leastRequest(entries, draw, policy) };
  if (policy.t === 'random') return { hosts, pick: (random) => hosts[draw(random())] };
  return { hosts, pick: equalWeights(entries) ? roundRobin(hosts, start) : weightedTurn(hosts, draw, start) };
}

function equalWeights(entries: readonly Weighted[]): boolean {
  return entries.every((entry) => entry.weight === entries[0]?.weight);
}

function roundRobin(hosts: readonly Host[], start: number): Picker['pick'] {
  let turn = Math.floor(start * hosts.length);
  return () => {
    const host = hosts[turn % hosts.length];
    turn = (turn + 1) % hosts.length;
    return host;
  };
}

const GOLDEN = 0.618_033_988_749_894_9;

/** Golden-ratio steps through the cumulated weights: evenly spread turns, exact shares in the long run, no queue to keep. */
function weightedTurn(hosts: readonly Host[], draw: (point: number) => number, start: number): Picker['pick'] {
  let point = start;
  return () => {
    point = (point + GOLDEN) % 1;
    return hosts[draw(point)];
  };
}

/** The best of a few drawn by weight: fewest requests in flight for its weight. */
function leastRequest(entries: readonly Weighted[], draw: (point: number) => number, policy: LoadBalancing & { t: 'least-request' }): Picker['pick'] {
  const { choices, activeRequestBias: bias } = policy;
  const equal = equalWeights(entries);
  return (random) => {
    let best = draw(random());
    for (let more = 1; more < choices; more++) {
      let next = draw(random());
      // Two different ones when there are two: comparing a host with itself is no choice.
      if (next === best) next = (next + 1) % entries.length;
      if (load(entries[next], equal, bias) < load(entries[best], equal, bias)) best = next;
    }
    return entries[best]?.host;
  };
}

function load(entry: Weighted | undefined, equal: boolean, bias: number): number {
  if (entry === undefined) return Infinity;
  if (equal) return entry.host.active;
  return (entry.host.active + 1) ** bias / entry.weight;
}

/** Index of the entry that holds a point of [0, 1) on the line of cumulated weights. */
function createDraw(entries: readonly Weighted[]): (point: number) => number {
  const { length } = entries;
  if (equalWeights(entries)) return (point) => Math.min(length - 1, Math.floor(point * length));
  const bounds = new Float64Array(length);
  let total = 0;
  entries.forEach((entry, index) => (bounds[index] = total += entry.weight));
  return (point) => {
    const target = point * total;
    let low = 0;
    let high = length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (target < (bounds[middle] ?? 0)) high = middle;
      else low = middle + 1;
    }
    return low;
  };
}
