/** A number of one thread that goes up. */
export interface Tally {
  value: number;
}

/** Where a thread keeps its numbers. */
export interface Tallies {
  /** The number of this name (Envoy's, whole); the same object each time. */
  tally(name: string): Tally;
}

/** What a filter counts, by its own short names. */
export type Statistics = Readonly<Record<string, Statistic>>;

/** One for each name, behind a prefix. */
export function statistics<N extends string>(prefix: string, names: readonly N[]): Readonly<Record<N, Statistic>> {
  return Object.fromEntries(names.map((name) => [name, new Statistic(prefix + name)])) as Record<N, Statistic>;
}

/** A statistic, looked up by its name when it is first counted: from then on counting is an addition. Belongs to one thread, as what counts it does. */
export class Statistic {
  readonly name: string;
  #tally: Tally | undefined = undefined;

  constructor(name: string) {
    this.name = name;
  }

  count(thread: Tallies): void {
    (this.#tally ??= thread.tally(this.name)).value++;
  }
}
