import { isIP } from 'node:net';
import type { DnsCache } from '@meltemi/runtime';
import type { Faults } from '../core/faults.ts';
import { createDeadline, type Deadline, type TimerWheel } from '../core/timer-wheel.ts';
import { failureWait } from './failure-wait.ts';
import { lookup } from './lookup.ts';
import type { Resolve } from './resolve-name.ts';

/** What a name was found to be. `overflow`: too many names, or too many that wait. */
export type NameAnswer =
  | { readonly t: 'address'; readonly address: string }
  | { readonly t: 'failed'; readonly reason: string }
  | { readonly t: 'overflow'; readonly of: 'names' | 'waiting' };

interface Entry {
  readonly name: string;
  answer: NameAnswer | undefined;
  /** Who waits for the first answer. */
  readonly waiting: Set<(answer: NameAnswer) => void>;
  readonly turn: Deadline;
  usedMs: number;
  failures: number;
  /** The lookup that counts; a late answer of an earlier one does not. */
  round: number;
}

/** Names with their addresses, as many as the configuration allows. A name that is in use is looked up again when its time to live is over. */
export class NameCache {
  readonly #config: DnsCache;
  readonly #resolve: Resolve;
  readonly #wheel: TimerWheel;
  readonly #random: () => number;
  readonly #faults: Pick<Faults, 'guard'>;
  readonly #entries = new Map<string, Entry>();
  #waiting = 0;

  constructor(
    config: DnsCache,
    resolve: Resolve,
    of: { readonly wheel: TimerWheel; readonly random: () => number; readonly faults: Pick<Faults, 'guard'> },
  ) {
    this.#config = config;
    this.#resolve = resolve;
    this.#wheel = of.wheel;
    this.#random = of.random;
    this.#faults = of.faults;
    for (const name of config.preresolve) this.load(name, () => {});
  }

  /** Asks for a name. `done` is called once, before this returns when the answer is known; else what is returned gives the question up. */
  load(name: string, done: (answer: NameAnswer) => void): (() => void) | undefined {
    const known = this.#entries.get(name);
    const answer = this.#answerNow(name, known);
    if (answer !== undefined) {
      done(answer);
      return undefined;
    }
    const entry = known ?? this.#add(name);
    const waiter = (found: NameAnswer): void => {
      this.#waiting--;
      done(found);
    };
    this.#waiting++;
    entry.waiting.add(waiter);
    return () => {
      if (entry.waiting.delete(waiter)) this.#waiting--;
    };
  }

  /** What can be said without asking anybody. */
  #answerNow(name: string, known: Entry | undefined): NameAnswer | undefined {
    if (isIP(name) !== 0) return { t: 'address', address: name };
    if (known?.answer !== undefined) {
      known.usedMs = this.#wheel.recent;
      return known.answer;
    }
    if (this.#waiting >= this.#config.maxPending) return { t: 'overflow', of: 'waiting' };
    return known === undefined && this.#entries.size >= this.#config.maxHosts ? { t: 'overflow', of: 'names' } : undefined;
  }

  #add(name: string): Entry {
    const entry: Entry = {
      name,
      answer: undefined,
      waiting: new Set(),
      turn: createDeadline(() => this.#turn(entry)),
      usedMs: this.#wheel.now(),
      failures: 0,
      round: 0,
    };
    this.#entries.set(name, entry);
    this.#look(entry);
    return entry;
  }

  /** The entry's time has come: a lookup takes too long, the answer is old, or nobody asks any more. */
  #turn(entry: Entry): void {
    const { hostTtlMs } = this.#config;
    if (entry.answer !== undefined && this.#wheel.now() - entry.usedMs >= hostTtlMs) this.#entries.delete(entry.name);
    else if (entry.answer === undefined) this.#found(entry, { t: 'failed', reason: 'resolve_timeout' }, Infinity);
    else this.#look(entry);
  }

  #look(entry: Entry): void {
    const round = ++entry.round;
    const { family, queryTimeoutMs } = this.#config;
    this.#wheel.set(entry.turn, this.#wheel.now(), queryTimeoutMs);
    void lookup(entry.name, family, this.#resolve).then(
      (addresses) => {
        if (round !== entry.round) return;
        const [first] = addresses;
        if (first === undefined) this.#found(entry, { t: 'failed', reason: REASONS['ENODATA'] ?? '' }, Infinity);
        else this.#found(entry, { t: 'address', address: first.address }, Math.min(...addresses.map(({ ttl }) => ttl)));
      },
      (error: unknown) => {
        if (round === entry.round) this.#found(entry, { t: 'failed', reason: reasonOf(error) }, Infinity);
      },
    );
  }

  /** An address stays while lookups fail: that is how names outlive the failure of their servers. */
  #found(entry: Entry, answer: NameAnswer, ttlSeconds: number): void {
    entry.round++;
    const good = answer.t === 'address';
    entry.failures = good ? 0 : entry.failures + 1;
    if (good || entry.answer?.t !== 'address') entry.answer = answer;
    const waitMs = good
      ? Math.max(this.#config.minRefreshMs, Math.min(ttlSeconds * 1000, this.#config.hostTtlMs))
      : this.#afterFailure(entry.failures);
    this.#wheel.set(entry.turn, this.#wheel.now(), waitMs);
    // What one does with it may make another give up: who is not in the set any more is not told.
    for (const done of entry.waiting) {
      entry.waiting.delete(done);
      this.#faults.guard(
        'name',
        () => done(answer),
        () => {},
      );
    }
  }

  #afterFailure(failures: number): number {
    const { failure, refreshMs } = this.#config;
    return failure === undefined ? refreshMs : failureWait(failure, failures, this.#random());
  }
}

/** What Node calls what its resolver (c-ares) says, in the words that Envoy has for it. */
const REASONS: Readonly<Record<string, string>> = {
  ENOTFOUND: 'cares_norecords:Domain_name_not_found',
  ENODATA: 'cares_norecords:DNS_server_returned_answer_with_no_data',
  EFORMERR: 'cares_failure:DNS_server_claims_query_was_misformatted',
  ESERVFAIL: 'cares_failure:DNS_server_returned_general_failure',
  ENOTIMP: 'cares_failure:DNS_server_does_not_implement_requested_operation',
  EREFUSED: 'cares_failure:DNS_server_refused_query',
  EBADNAME: 'cares_failure:Misformatted_domain_name',
  ECONNREFUSED: 'cares_failure:Could_not_contact_DNS_servers',
  ETIMEOUT: 'cares_failure:Timeout_while_contacting_DNS_servers',
};

function reasonOf(error: unknown): string {
  const { code } = error as { readonly code?: unknown };
  return (typeof code === 'string' ? REASONS[code] : undefined) ?? 'cares_failure';
}
