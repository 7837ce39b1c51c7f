import type { JwksSource } from '@meltemi/runtime';
import type { Worker } from '../../core/worker.ts';
import { questionHeaders, sendAside } from '../side-request.ts';
import { parseJwks, type Jwks } from './jwks.ts';

/** Keys now, why there are none, or `pending`: `onKeys` tells when to ask again. */
export type KeysNow = Jwks | 'none' | 'failed' | 'pending';

type Remote = JwksSource & { readonly t: 'remote' };

/** A failure is told to whoever waits just then. */
const FAILED_HOLD_MS = 1_000;

/** The keys of one source, on one thread. */
class KeyKeeper {
  readonly #worker: Worker;
  readonly #source: Remote;
  readonly #waiting = new Set<() => void>();
  #keys: Jwks | undefined = undefined;
  #untilMs = 0;
  #failedUntilMs = 0;
  #fetching = false;

  constructor(worker: Worker, source: Remote) {
    this.#worker = worker;
    this.#source = source;
  }

  now(): KeysNow {
    const now = this.#worker.wheel.now();
    const keys = this.#keys;
    if (keys !== undefined && now < this.#untilMs) return keys;
    const failed = now < this.#failedUntilMs;
    if (!failed) this.#fetch();
    // Refreshed in the background: the old ones are good for one more period.
    const { refetchMs, cacheMs } = this.#source;
    if (keys !== undefined && refetchMs !== undefined && now < this.#untilMs + cacheMs) return keys;
    return failed ? 'failed' : 'pending';
  }

  /** Calls `run` when a fetch has ended; answers what stops that. */
  wait(run: () => void): () => void {
    this.#waiting.add(run);
    return () => this.#waiting.delete(run);
  }

  #fetch(left = this.#source.retries): void {
    if (this.#fetching) return;
    this.#fetching = true;
    const { cluster, authority, path, timeoutMs } = this.#source;
    const request = {
      cluster,
      method: 'GET',
      authority,
      path,
      headers: questionHeaders(timeoutMs),
      body: NO_BODY,
      length: 'needed' as const,
      timeoutMs,
    };
    sendAside(this.#worker, request, (outcome) => {
      this.#fetching = false;
      const keys = outcome.t === 'response' && outcome.status === 200 ? parseJwks(outcome.body.toString()) : undefined;
      if (keys === undefined && left > 0) this.#again(this.#backOffMs(left), () => this.#fetch(left - 1));
      else this.#settle(keys);
    });
  }

  /** The wait doubles from try to try, up to its limit; a share of it is waited, by chance, so that proxies do not come back together. */
  #backOffMs(left: number): number {
    const { retries, backOffMs, maxBackOffMs } = this.#source;
    return this.#worker.random() * Math.min(maxBackOffMs, backOffMs * 2 ** (retries - left));
  }

  #again(ms: number, run: () => void): void {
    this.#fetching = true;
    this.#worker.ports.timers.after(ms, () => {
      this.#fetching = false;
      run();
    });
  }

  #settle(keys: Jwks | undefined): void {
    const { cacheMs, refetchMs } = this.#source;
    const now = this.#worker.wheel.now();
    if (keys === undefined) this.#failedUntilMs = now + (refetchMs ?? FAILED_HOLD_MS);
    else {
      this.#keys = keys;
      this.#untilMs = now + cacheMs;
    }
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const run of waiting) run();
    // A failure is told to those who wait, and not held against those who come later.
    if (refetchMs === undefined) this.#failedUntilMs = 0;
  }
}

const NO_BODY = new Uint8Array(0);
const keepers = new WeakMap<Worker, WeakMap<JwksSource, KeyKeeper>>();
const locals = new WeakMap<JwksSource, Jwks | 'none'>();

/** The keys of a source; remote ones are fetched when first asked for, once for all who wait. */
export function keysOf(worker: Worker, source: JwksSource): KeysNow {
  if (source.t === 'remote') return keeperOf(worker, source).now();
  let keys = locals.get(source);
  if (keys === undefined) locals.set(source, (keys = parseJwks(source.text) ?? 'none'));
  return keys;
}

/** Calls `run` when a fetch of the source has ended; answers what stops that. */
export function onKeys(worker: Worker, source: JwksSource, run: () => void): () => void {
  return source.t === 'remote' ? keeperOf(worker, source).wait(run) : () => undefined;
}

function keeperOf(worker: Worker, source: Remote): KeyKeeper {
  let own = keepers.get(worker);
  if (own === undefined) keepers.set(worker, (own = new WeakMap()));
  let keeper = own.get(source);
  if (keeper === undefined) own.set(source, (keeper = new KeyKeeper(worker, source)));
  return keeper;
}
