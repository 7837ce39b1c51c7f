import { durationMs, ofKind, type Config } from '@meltemi/api';
import type { Log, Random, Timer, Timers } from '@meltemi/base';
import { keySourceOf, type KeySet, type KeySets, type KeySource } from '@meltemi/model';
import type { ConfigStore, SavedValue } from '@meltemi/registry';
import type { FetchedKeys, FetchKeys } from './fetch-keys.ts';

const MINUTE_MS = 60_000;
/** Istio's: keys are looked at again every 20 minutes. */
const REFRESH_MS = 20 * MINUTE_MS;
const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 5 * MINUTE_MS;
const DEFAULT_TIMEOUT_MS = 5_000;
/** Whatever a rule says: who answers never must not hold one of few places for hours. */
const MAX_TIMEOUT_MS = MINUTE_MS;
/** Whoever writes many rules does not make the control plane call many servers at a time. */
const MAX_AT_A_TIME = 8;

export interface KeyKeeperOptions {
  readonly store: Pick<ConfigStore, 'list' | 'watch'>;
  readonly fetch: FetchKeys;
  readonly timers: Timers;
  readonly random: Random;
  readonly log: Log;
  /** Public keys by source: after a restart, tokens are good as before, even while an issuer is away. */
  readonly saved: SavedValue<readonly (readonly [id: string, jwks: string])[]>;
}

/** The keys of all issuers that RequestAuthentications name by an address. */
export interface KeyKeeper {
  /** The same map while nothing in it changes. */
  sets(): KeySets;
  watch(listener: () => void): () => void;
  close(): Promise<void>;
}

/** One source, as long as some rule names it. */
interface Kept {
  readonly source: KeySource;
  timeoutMs: number;
  failures: number;
  timer: Timer | undefined;
  readonly ending: AbortController;
}

/** Fetches keys when a rule first names their source, again from time to time, and sooner and sooner less often after a failure. The last good keys stay. */
export async function createKeyKeeper(options: KeyKeeperOptions): Promise<KeyKeeper> {
  return new Keeper(options, new Map(await options.saved.load()));
}

class Keeper implements KeyKeeper {
  readonly #options: KeyKeeperOptions;
  readonly #kept = new Map<string, Kept>();
  readonly #listeners = new Set<() => void>();
  readonly #waiting: Kept[] = [];
  readonly #stop: () => void;
  #running = 0;
  #sets: ReadonlyMap<string, KeySet> = new Map();

  constructor(options: KeyKeeperOptions, saved: ReadonlyMap<string, string>) {
    this.#options = options;
    this.#take(saved);
    this.#stop = options.store.watch((changes) => {
      if (changes.some(({ config }) => config.kind === 'RequestAuthentication')) this.#take();
    });
  }

  sets(): KeySets {
    return this.#sets;
  }

  watch(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    this.#stop();
    for (const kept of this.#kept.values()) end(kept);
    this.#kept.clear();
    this.#listeners.clear();
    await this.#options.saved.flush();
  }

  /** Looks which sources the rules name now. */
  #take(saved?: ReadonlyMap<string, string>): void {
    const wanted = wantedSources(this.#options.store.list('RequestAuthentication'));
    const sets = new Map(this.#sets);
    for (const [id, kept] of this.#kept) {
      if (wanted.has(id)) continue;
      end(kept);
      this.#kept.delete(id);
      sets.delete(id);
    }
    for (const [id, { source, timeoutMs }] of wanted) {
      const known = this.#kept.get(id);
      if (known !== undefined) {
        known.timeoutMs = timeoutMs;
        continue;
      }
      const kept: Kept = { source, timeoutMs, failures: 0, timer: undefined, ending: new AbortController() };
      this.#kept.set(id, kept);
      sets.set(id, { jwks: saved?.get(id), fault: undefined });
      this.#ask(kept);
    }
    this.#replace(sets);
  }

  /** Those that went and those that came back in between are told apart by their records. */
  #ask(kept: Kept): void {
    this.#waiting.push(kept);
    this.#askNext();
  }

  #askNext(): void {
    while (this.#running < MAX_AT_A_TIME) {
      const kept = this.#waiting.shift();
      if (kept === undefined) return;
      if (kept.ending.signal.aborted) continue;
      this.#running++;
      void this.#options.fetch(kept.source, kept.timeoutMs, kept.ending.signal).then((fetched) => {
        this.#running--;
        this.#settle(kept, fetched);
        this.#askNext();
      });
    }
  }

  #settle(kept: Kept, fetched: FetchedKeys): void {
    if (kept.ending.signal.aborted) return;
    const { id } = kept.source;
    const before = this.#sets.get(id);
    const isGood = fetched.t === 'keys';
    this.#tell(kept, fetched, before?.jwks !== undefined);
    kept.failures = isGood ? 0 : kept.failures + 1;
    kept.timer = this.#options.timers.after(this.#waitMs(kept.failures), () => this.#ask(kept));
    const now: KeySet = isGood ? { jwks: fetched.jwks, fault: undefined } : { jwks: before?.jwks, fault: fetched.message };
    if (now.jwks !== before?.jwks || now.fault !== before?.fault) this.#replace(new Map(this.#sets).set(id, now));
  }

  /** The first failure and the end of it; what is between is in the findings. */
  #tell({ source, failures }: Kept, fetched: FetchedKeys, hasKeys: boolean): void {
    const { log } = this.#options;
    if (fetched.t === 'keys' && failures > 0) log.info('the keys of an issuer can be fetched again', { source: source.url });
    if (fetched.t === 'fault' && failures === 0)
      log.warn('the keys of an issuer cannot be fetched', { source: source.url, reason: fetched.message, keptKeys: hasKeys });
  }

  /** Up to a fifth more or less, so that not all come at once. */
  #waitMs(failures: number): number {
    const waitMs = failures === 0 ? REFRESH_MS : Math.min(FIRST_RETRY_MS * 2 ** (failures - 1), LAST_RETRY_MS);
    return Math.round(waitMs * (0.8 + 0.4 * this.#options.random.next()));
  }

  #replace(sets: ReadonlyMap<string, KeySet>): void {
    if (sameSets(sets, this.#sets)) return;
    const changed = !sameSets(sets, this.#sets, ({ jwks }) => jwks);
    this.#sets = sets;
    if (changed) this.#options.saved.save([...sets].flatMap(([id, { jwks }]) => (jwks === undefined ? [] : [[id, jwks] as const])));
    for (const listener of Array.from(this.#listeners)) listener();
  }
}

function end({ ending, timer }: Kept): void {
  timer?.cancel();
  ending.abort();
}

/** Rules of one source share its keys; the most patient one says how long a fetch may take. */
function wantedSources(configs: readonly Config[]): ReadonlyMap<string, { readonly source: KeySource; readonly timeoutMs: number }> {
  const wanted = new Map<string, { readonly source: KeySource; readonly timeoutMs: number }>();
  for (const { spec } of ofKind(configs, 'RequestAuthentication')) {
    for (const rule of spec.jwtRules ?? []) {
      const source = keySourceOf(rule);
      if (source === undefined) continue;
      const saidMs = (rule.timeout === undefined ? undefined : durationMs(rule.timeout)) ?? DEFAULT_TIMEOUT_MS;
      const timeoutMs = Math.min(saidMs, MAX_TIMEOUT_MS);
      wanted.set(source.id, { source, timeoutMs: Math.max(timeoutMs, wanted.get(source.id)?.timeoutMs ?? 0) });
    }
  }
  return wanted;
}

function sameSets(a: KeySets, b: KeySets, of: (set: KeySet) => unknown = ({ jwks, fault }) => JSON.stringify([jwks, fault])): boolean {
  return a.size === b.size && [...a].every(([id, set]) => b.has(id) && of(set) === of(b.get(id) as KeySet));
}
