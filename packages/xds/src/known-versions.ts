import type { Resource } from './resource.ts';

/**
 * The versions that a client has, as far as it was told. Most clients have what all others of their kind have: that part is one map for all of
 * them, and only what differs is kept for each.
 */
export class KnownVersions {
  /** Everything in it is known, but for names that `#own` speaks of. */
  #base: ReadonlyMap<string, Resource> = NOTHING;
  /** Undefined: not known, though in the base. */
  #own = new Map<string, string | undefined>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(name: string): string | undefined {
    const own = this.#own.get(name);
    return own !== undefined || this.#own.has(name) ? own : this.#base.get(name)?.version;
  }

  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  set(name: string, version: string): void {
    if (!this.has(name)) this.#size++;
    this.#own.set(name, version);
  }

  delete(name: string): void {
    if (!this.has(name)) return;
    this.#size--;
    if (this.#base.has(name)) this.#own.set(name, undefined);
    else this.#own.delete(name);
  }

  *keys(): Generator<string> {
    for (const name of this.#base.keys()) if (!this.#own.has(name)) yield name;
    for (const [name, version] of this.#own) if (version !== undefined) yield name;
  }

  /** The client says that it has this. The map is ours from now on. */
  adopt(versions: ReadonlyMap<string, string>): void {
    this.#base = NOTHING;
    this.#own = versions as Map<string, string | undefined>;
    this.#size = versions.size;
  }

  /** The client has exactly this, and of `others` what it had of them. The map must not be changed any more. */
  rebase(base: ReadonlyMap<string, Resource>, others: Iterable<string>): void {
    const own = new Map<string, string | undefined>();
    for (const name of others) {
      const version = base.has(name) ? undefined : this.get(name);
      if (version !== undefined) own.set(name, version);
    }
    this.#base = base;
    this.#own = own;
    this.#size = base.size + own.size;
  }
}

const NOTHING: ReadonlyMap<string, Resource> = new Map();
