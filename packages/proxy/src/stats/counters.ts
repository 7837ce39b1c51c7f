import type { Tallies, Tally } from '@meltemi/runtime';

/** So many names a thread keeps; names come out of configuration, and configuration changes for as long as a proxy runs. */
const MOST_NAMES = 10_000;
/** What is counted under names beyond that. */
const REST = 'server.stats_overflow';

/** Statistics of a thread that belong to no cluster, listener or connection manager, by their whole names. */
export class Counters implements Tallies {
  readonly #most: number;
  readonly #counters = new Map<string, Tally>();
  readonly #gauges = new Map<string, Tally>();

  constructor(most: number = MOST_NAMES) {
    this.#most = most;
  }

  tally(name: string): Tally {
    return this.#find(this.#counters, name);
  }

  /** What goes up and down. */
  gauge(name: string): Tally {
    return this.#find(this.#gauges, name);
  }

  add(name: string, by = 1): void {
    this.tally(name).value += by;
  }

  get(name: string): number {
    return this.#counters.get(name)?.value ?? 0;
  }

  get counters(): Readonly<Record<string, number>> {
    return read(this.#counters);
  }

  get gauges(): Readonly<Record<string, number>> {
    return read(this.#gauges);
  }

  /** All counters begin anew; gauges go on. */
  reset(): void {
    for (const tally of this.#counters.values()) tally.value = 0;
  }

  #find(map: Map<string, Tally>, name: string): Tally {
    let tally = map.get(name);
    if (tally !== undefined) return tally;
    if (map.size >= this.#most && name !== REST) return this.#find(map, REST);
    map.set(name, (tally = { value: 0 }));
    return tally;
  }
}

function read(map: ReadonlyMap<string, Tally>): Record<string, number> {
  return Object.fromEntries(Array.from(map, ([name, { value }]) => [name, value]));
}
