import { compileTapMatch, type TapPlace, type TapRequest, type TapTest } from '@meltemi/runtime';
import type { Exchange } from '../http/exchange.ts';
import { TapStream } from './tap-stream.ts';
import type { TapTrace } from './trace.ts';

/** What a thread is told of a tap. Plain data. */
export interface TapOrder {
  readonly id: number;
  readonly request: TapRequest;
  /** Show the values of headers that open doors. */
  readonly secrets: boolean;
  /** Only requests of who is at this address, or whose certificate's URI holds this; '' = of all. */
  readonly peer: string;
}

/** The name under which every connection manager can be tapped, whatever its filters are. */
export const LIVE_TAP = 'meltemi';

/** So many requests are looked at, at the same time; more pass unseen. */
const MAX_STREAMS = 64;
/** Of each second so much may go into taps: they must not slow traffic down that nobody asked about. */
const BUDGET_MS_PER_SECOND = 50;
const MAX_BUDGET_MS = 100;

/** Somebody listens: what a thread does for that, within its bounds. */
export class TapSession {
  readonly order: TapOrder;
  readonly test: TapTest;
  readonly #emit: (trace: TapTrace) => void;
  readonly #now: () => number;
  #open = 0;
  #budgetMs = MAX_BUDGET_MS;
  #filledMs: number;

  constructor(order: TapOrder, now: () => number, emit: (trace: TapTrace) => void) {
    this.order = order;
    this.test = compileTapMatch(order.request.match);
    this.#emit = emit;
    this.#now = now;
    this.#filledMs = now();
  }

  /** A request whose head the worker's scanner shows and whose filters have not run. */
  begin(x: Exchange): void {
    if (!this.#isPlace(x) || !this.#isPeer(x)) return;
    if (this.#open >= MAX_STREAMS || !this.#mayWork()) {
      x.plan.counts.tapSkipped++;
      return;
    }
    this.work(() => {
      if (this.test(x.worker.view, undefined) === false) return;
      this.#open++;
      x.tap = new TapStream(x, this);
    });
  }

  /** Does something whose time counts. */
  work(run: () => void): void {
    const from = this.#now();
    run();
    this.#budgetMs -= this.#now() - from;
  }

  emit(x: Exchange, trace: TapTrace): void {
    x.plan.counts.tapped++;
    this.#emit(trace);
  }

  /** A part of a trace. */
  emitSegment(trace: TapTrace): void {
    this.#emit(trace);
  }

  ended(): void {
    this.#open--;
  }

  #isPlace({ plan }: Exchange): boolean {
    const { configId } = this.order.request;
    return configId === LIVE_TAP || plan.config.filters.some(({ t, config }) => t === 'tap' && (config as TapPlace).configId === configId);
  }

  #isPeer({ client }: Exchange): boolean {
    const { peer } = this.order;
    if (peer === '') return true;
    return client.remoteAddress === peer || (client.tls?.peerUri.includes(peer) ?? false);
  }

  #mayWork(): boolean {
    const now = this.#now();
    this.#budgetMs = Math.min(MAX_BUDGET_MS, this.#budgetMs + ((now - this.#filledMs) * BUDGET_MS_PER_SECOND) / 1_000);
    this.#filledMs = now;
    return this.#budgetMs > 0;
  }
}
