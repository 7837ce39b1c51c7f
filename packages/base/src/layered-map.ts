/**
 * Two maps seen as one, neither of which may be changed afterwards. What many share lies below, is not copied and can be recognised; a name
 * of the upper one wins.
 */
export class LayeredMap<V> implements ReadonlyMap<string, V> {
  readonly below: ReadonlyMap<string, V>;
  readonly above: ReadonlyMap<string, V>;
  readonly size: number;

  constructor(below: ReadonlyMap<string, V>, above: ReadonlyMap<string, V>) {
    this.below = below;
    this.above = above;
    let hidden = 0;
    for (const name of above.keys()) if (below.has(name)) hidden++;
    this.size = below.size + above.size - hidden;
  }

  get(name: string): V | undefined {
    return this.above.has(name) ? this.above.get(name) : this.below.get(name);
  }

  has(name: string): boolean {
    return this.above.has(name) || this.below.has(name);
  }

  forEach(run: (value: V, name: string, map: ReadonlyMap<string, V>) => void): void {
    for (const [name, value] of this) run(value, name, this);
  }

  *entries(): MapIterator<[string, V]> {
    for (const entry of this.below) if (!this.above.has(entry[0])) yield entry;
    yield* this.above;
    return undefined;
  }

  *keys(): MapIterator<string> {
    for (const [name] of this.entries()) yield name;
    return undefined;
  }

  *values(): MapIterator<V> {
    for (const [, value] of this.entries()) yield value;
    return undefined;
  }

  [Symbol.iterator](): MapIterator<[string, V]> {
    return this.entries();
  }
}
