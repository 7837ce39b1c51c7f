import type { Resource } from './resource.ts';

/**
 * The versions that a client has, as far as it was told. Most clients have what all others of their kind have: that part is one map for all of
 * them, and only what differs is kept for each.
 */
export class KnownVersions {
  /** Everything in it is known, but for names that `#own` speaks of. */
  #base: ReadonlyMap<string, string | Resource> = NOTHING;
  /** Undefined: not known, though in the base. */
  #own = new Map<string, string | Resource | undefined>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(name: string): string | undefined {
    const known = this.#at(name);
    return typeof known === 'string' ? known : known?.version;
  }

  /** The known version itself; undefined when only its name is known. */
  content(name: string): Resource | undefined {
    const known = this.#at(name);
    return typeof known === 'string' ? undefined : known;
  }

  #at(name: string): string | Resource | undefined {
    const own = this.#own.get(name);
    return own !== undefined || this.#own.has(name) ? own : this.#base.get(name);
  }

  /** All of it is one map, which others may have too; undefined when something differs. */
  get whole(): ReadonlyMap<string, string | Resource> | undefined {
    return this.#own.size === 0 ? this.#base : undefined;
  }

  /** Of what is known under the name, the version alone is left: the client may not have it after all. */
  forgetContent(name: string): void {
    if (this.content(name) !== undefined) this.#own.set(name, this.get(name));
  }

  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  set(name: string, version: string | Resource): void {
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

  /** The client says that it has this. The map must not be changed any more. */
  adopt(versions: ReadonlyMap<string, string>): void {
    this.#base = versions;
    this.#own = new Map();
    this.#size = versions.size;
  }

  /** The client has exactly this, and of `others` what it had of them. The map must not be changed any more. */
  rebase(base: ReadonlyMap<string, Resource>, others: Iterable<string>): void {
    const own = new Map<string, string | Resource | undefined>();
    for (const name of others) {
      const known = base.has(name) ? undefined : this.#at(name);
      if (known !== undefined) own.set(name, known);
    }
    this.#base = base;
    this.#own = own;
    this.#size = base.size + own.size;
  }
}

const NOTHING: ReadonlyMap<string, Resource> = new Map();
