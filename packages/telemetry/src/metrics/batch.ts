import type { ExportRow, MetricRegistry } from './registry.ts';
import type { HistogramSample, LogLine, SeriesDefinition, Span, TelemetryBatch, TelemetryNode } from './wire.ts';

export interface BatchEncoderOptions {
  readonly registry: MetricRegistry;
  readonly node: TelemetryNode;
  /** Spans and log lines that wait for an acknowledgement; older ones are dropped (and counted) beyond it. Default 2000 each. */
  readonly maxQueued?: number;
}

/**
 * Turns a registry into the batches of one stream: each series is described once, then only values that changed are sent. Counters
 * are cumulative, so a lost batch loses nothing; spans and lines are kept until they are acknowledged.
 */
export interface BatchEncoder {
  /** The batch of this moment. An empty one is sent too: it says "unchanged until now". */
  next(nowMs: number): TelemetryBatch;
  addSpan(span: Span): void;
  addLog(line: LogLine): void;
  acknowledged(sequence: number): void;
  /** A new stream: everything is described again and what was not acknowledged is sent again. */
  reset(): void;
  /** Spans and lines dropped because the queue was full. */
  readonly dropped: number;
}

interface Queued<T> {
  readonly item: T;
  /** The batch that carries it; 0 while it waits. */
  sentIn: number;
}

/** A batch carries at most this many spans and lines, so that it stays below gRPC's usual limit of 4 MiB. */
const MAX_PER_BATCH = 1000;

export function createBatchEncoder(options: BatchEncoderOptions): BatchEncoder {
  const { registry, node } = options;
  const maxQueued = options.maxQueued ?? 2000;
  const sent = new Map<number, number>();
  let spans: Queued<Span>[] = [];
  let logs: Queued<LogLine>[] = [];
  let sequence = 0;
  let dropped = 0;

  function queue<T>(list: Queued<T>[], item: T): void {
    list.push({ item, sentIn: 0 });
    if (list.length <= maxQueued) return;
    list.shift();
    dropped++;
  }

  return {
    next(nowMs) {
      sequence++;
      const retired = registry.sweep(nowMs).filter((id) => sent.delete(id));
      const changes = changed(registry, sent, nowMs);
      return {
        sequence,
        time_ms: nowMs,
        ...(sequence === 1 ? { node } : {}),
        ...changes,
        ...(retired.length === 0 ? {} : { retired_ids: retired }),
        ...part('spans', take(spans, sequence)),
        ...part('logs', take(logs, sequence)),
      };
    },
    addSpan: (span) => queue(spans, span),
    addLog: (line) => queue(logs, line),
    acknowledged(upTo) {
      spans = spans.filter((q) => q.sentIn === 0 || q.sentIn > upTo);
      logs = logs.filter((q) => q.sentIn === 0 || q.sentIn > upTo);
    },
    reset() {
      sequence = 0;
      sent.clear();
      for (const q of [...spans, ...logs]) q.sentIn = 0;
    },
    get dropped() {
      return dropped;
    },
  };
}

function changed(registry: MetricRegistry, sent: Map<number, number>, nowMs: number): TelemetryBatch {
  const series: SeriesDefinition[] = [];
  const ids: number[] = [];
  const values: number[] = [];
  const histograms: HistogramSample[] = [];
  registry.collect(nowMs, (row) => {
    const reading = row.kind === 'HISTOGRAM' ? row.count : row.value;
    const before = sent.get(row.id);
    if (before === reading) return;
    if (before === undefined) series.push(define(row));
    sent.set(row.id, reading);
    if (row.kind === 'HISTOGRAM') histograms.push({ id: row.id, sum: row.sum, counts: Array.from(row.counts) });
    else {
      ids.push(row.id);
      values.push(row.value);
    }
  });
  return { ...part('series', series), ...part('sample_ids', ids), ...part('sample_values', values), ...part('histograms', histograms) };
}

function define(row: ExportRow): SeriesDefinition {
  const base = { id: row.id, name: row.name, kind: row.kind, labels: row.labels, created_ms: row.createdMs };
  return row.kind === 'HISTOGRAM' ? { ...base, bounds: row.bounds } : base;
}

function take<T>(list: Queued<T>[], sequence: number): T[] {
  const items: T[] = [];
  for (const q of list) {
    if (q.sentIn !== 0) continue;
    if (items.length === MAX_PER_BATCH) break;
    q.sentIn = sequence;
    items.push(q.item);
  }
  return items;
}

function part<K extends string, T>(key: K, items: readonly T[]): { readonly [P in K]?: readonly T[] } {
  return (items.length === 0 ? {} : { [key]: items }) as { readonly [P in K]?: readonly T[] };
}
