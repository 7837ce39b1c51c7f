import type { Host } from '../compiled.ts';
import type { LoadBalancing } from '../types/balancing.ts';
import { createSchedule } from './edf.ts';
import { peakEwmaCost } from './peak-ewma.ts';
import { slowStartFactor, slowStartOf } from './slow-start.ts';

/** A choice among a fixed set of hosts. State (the turn) belongs to the picker; hosts are looked at, never changed. */
export interface Picker {
  readonly hosts: readonly Host[];
  pick(random: () => number, nowMs: number): Host | undefined;
}

export interface PickerOptions {
  readonly policy: LoadBalancing;
  readonly hosts: readonly Host[];
  /** In [0, 1): where turns begin, so that many proxies do not start on the same host. */
  readonly start: number;
  /** Some host's weight still grows. */
  readonly slowStart: boolean;
}

/** Pickers of the policies that need no hash. */
export function createPicker(options: PickerOptions): Picker {
  const { policy, hosts, start } = options;
  const [only] = hosts;
  if (hosts.length <= 1) return { hosts, pick: () => only };
  if (policy.t === 'random') return { hosts, pick: (random) => hosts[Math.floor(random() * hosts.length)] };
  if (policy.t === 'peak-ewma') return { hosts, pick: soonest(hosts, policy.decayMs) };
  if (options.slowStart || !equalWeights(hosts)) return { hosts, pick: byWeight(options) };
  if (policy.t === 'least-request') return { hosts, pick: policy.fullScan ? leastOfAll(hosts) : leastOfFew(hosts, policy.choices) };
  return { hosts, pick: roundRobin(hosts, start) };
}

function equalWeights(hosts: readonly Host[]): boolean {
  return hosts.every((host) => host.endpoint.weight === hosts[0]?.endpoint.weight);
}

function roundRobin(hosts: readonly Host[], start: number): Picker['pick'] {
  let turn = Math.floor(start * hosts.length);
  return () => {
    const host = hosts[turn];
    turn = turn + 1 === hosts.length ? 0 : turn + 1;
    return host;
  };
}

/** Unequal weights are served by a schedule; with least request a weight shrinks with what its host has in flight. */
function byWeight({ policy, hosts, start }: PickerOptions): Picker['pick'] {
  const slow = slowStartOf(policy);
  const bias = policy.t === 'least-request' ? policy.activeRequestBias : 0;
  let now = 0;
  const weight = (index: number): number => {
    const host = hosts[index] as Host;
    const own = bias === 0 ? host.endpoint.weight : host.endpoint.weight / (host.active + 1) ** bias;
    return slow === undefined ? own : own * slowStartFactor(host, slow, now);
  };
  let schedule: ReturnType<typeof createSchedule> | undefined;
  return (_, nowMs) => {
    now = nowMs;
    schedule ??= createSchedule(hosts.length, weight, start);
    return hosts[schedule.next()];
  };
}

/** The best of a few: fewest requests in flight. */
function leastOfFew(hosts: readonly Host[], choices: number): Picker['pick'] {
  return (random) => {
    let best = Math.floor(random() * hosts.length);
    for (let more = 1; more < choices; more++) {
      let next = Math.floor(random() * hosts.length);
      // Two different ones when there are two: comparing a host with itself is no choice.
      if (next === best) next = next + 1 === hosts.length ? 0 : next + 1;
      if ((hosts[next] as Host).active < (hosts[best] as Host).active) best = next;
    }
    return hosts[best];
  };
}

/** The best of all; one of those that are equally good by chance. */
function leastOfAll(hosts: readonly Host[]): Picker['pick'] {
  return (random) => {
    let best: Host | undefined;
    let ties = 0;
    for (const host of hosts) {
      if (best === undefined || host.active < best.active) {
        best = host;
        ties = 1;
      } else if (host.active === best.active && random() < 1 / ++ties) best = host;
    }
    return best;
  };
}

function soonest(hosts: readonly Host[], decayMs: number): Picker['pick'] {
  return (random, nowMs) => {
    const first = Math.floor(random() * hosts.length);
    let second = Math.floor(random() * (hosts.length - 1));
    if (second >= first) second++;
    const [a, b] = [hosts[first] as Host, hosts[second] as Host];
    return peakEwmaCost(b, nowMs, decayMs) < peakEwmaCost(a, nowMs, decayMs) ? b : a;
  };
}
