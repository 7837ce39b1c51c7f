import type { Timer } from '@meltemi/base';
import type { TracingProvider } from '@meltemi/runtime';
import type { Worker } from '../core/worker.ts';
import { sendOtlp } from './otlp.ts';
import type { FinishedSpan } from './types.ts';
import { sendZipkin } from './zipkin.ts';

/** Longest wait of a span, and how many go at once. */
const FLUSH_MS = 1_000;
const FLUSH_SPANS = 256;
/** Calls under way; while the collector is slow, spans beyond them are dropped and counted. */
const MAX_CALLS = 8;
const IDLE_MS = 60_000;

/** Sends spans to a collector. `done` says whether they arrived. */
export type SendSpans = (worker: Worker, spans: readonly FinishedSpan[], done: (ok: boolean) => void) => void;

interface Exporter {
  readonly worker: Worker;
  readonly send: SendSpans;
  readonly counters: string;
  spans: FinishedSpan[];
  calls: number;
  timer: Timer | undefined;
  lastMs: number;
}

/** Gathers finished spans by where they go; an exporter is there while it is used. */
export class SpanExporters {
  readonly #exporters = new Map<string, Exporter>();

  add(key: string, provider: TracingProvider, span: FinishedSpan, worker: Worker): void {
    const exporter = this.#exporters.get(key) ?? this.#open(key, provider, worker);
    exporter.lastMs = worker.wheel.recent;
    if (exporter.calls >= MAX_CALLS && exporter.spans.length >= FLUSH_SPANS) {
      count(exporter, 'spans_dropped', 1);
      return;
    }
    exporter.spans.push(span);
    if (exporter.spans.length >= FLUSH_SPANS) flush(exporter);
    exporter.timer ??= this.#beat(exporter, key);
  }

  /** The process is about to end. */
  flush(): void {
    for (const exporter of this.#exporters.values()) {
      exporter.timer?.cancel();
      flush(exporter);
    }
    this.#exporters.clear();
  }

  #open(key: string, provider: TracingProvider, worker: Worker): Exporter {
    const send = provider.t === 'zipkin' ? sendZipkin(provider) : sendOtlp(provider);
    const exporter: Exporter = { worker, send, counters: `tracing.${provider.t}`, spans: [], calls: 0, timer: undefined, lastMs: 0 };
    this.#exporters.set(key, exporter);
    return exporter;
  }

  #beat(exporter: Exporter, key: string): Timer {
    const { timers, clock } = exporter.worker.ports;
    return timers.after(FLUSH_MS, () => {
      flush(exporter);
      if (clock.monotonic() - exporter.lastMs < IDLE_MS) exporter.timer = this.#beat(exporter, key);
      else this.#exporters.delete(key);
    });
  }
}

function flush(exporter: Exporter): void {
  const { spans } = exporter;
  if (spans.length === 0 || exporter.calls >= MAX_CALLS) return;
  exporter.spans = [];
  exporter.calls++;
  exporter.send(exporter.worker, spans, (ok) => {
    exporter.calls--;
    count(exporter, ok ? 'spans_sent' : 'spans_dropped', spans.length);
  });
}

function count({ worker, counters }: Exporter, what: string, by: number): void {
  worker.counters.add(`${counters}.${what}`, by);
}
