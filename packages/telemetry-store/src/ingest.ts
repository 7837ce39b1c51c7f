import {
  jsonNumber,
  type JsonNumber,
  type Labels,
  type SeriesDefinition,
  type TelemetryAck,
  type TelemetryBatch,
  type TelemetryNode,
} from '@meltemi/telemetry';
import type { Journal } from './journal.ts';
import type { LogStore } from './log-store.ts';
import type { MetricStore, StoredSeries, Target } from './metric-store.ts';
import { checkSpan, type StoredSpan, type TraceStore } from './trace-store.ts';

/** Who a stream is, proved by its certificate. */
export interface StreamIdentity {
  readonly namespace: string;
  readonly serviceAccount: string;
  /** The SPIFFE ID. */
  readonly principal: string;
}

export interface IngestDeps {
  readonly metrics: MetricStore;
  readonly traces: TraceStore;
  readonly logs: LogStore;
  readonly journal: Journal | undefined;
  readonly now: () => number;
  /** Whether a workload of that name runs under that account; without it any name of the namespace is believed. */
  readonly knowsWorkload?: ((namespace: string, serviceAccount: string, workload: string) => boolean) | undefined;
  /** Told after each batch that was stored. */
  readonly changed: () => void;
  readonly counters: IngestCounters;
}

/** Since the start. */
export interface IngestCounters {
  batches: number;
  samples: number;
  spans: number;
  lines: number;
  refused: number;
}

/** One sender's stream. */
export interface IngestStream {
  /** Never throws: what is refused is counted in the answer, with the first reason. */
  ingest(batch: TelemetryBatch): TelemetryAck;
  close(): void;
}

interface Known {
  /** One for a counter or gauge; buckets, sum and count for a histogram. */
  readonly parts: readonly StoredSeries[];
  readonly buckets: number;
  readonly cumulative: boolean;
  /** When it began at zero, on our clock. */
  readonly createdMs: number;
}

/** Clocks closer than this are taken as one. */
const MAX_SKEW_MS = 5000;
/** A counter that began longer ago than this may have counted before we listened: no zero is put before its first value. */
const ZERO_WITHIN_MS = 60_000;
const MAX_SERIES_PER_STREAM = 50_000;
const MAX_LABELS = 64;
const MAX_LABEL_LENGTH = 2048;
const MAX_BOUNDS = 200;
const METRIC_NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]{0,255}$/;
const LABEL_NAME = /^(?!__)[a-zA-Z_][a-zA-Z0-9_]{0,127}$/;

export function openStream(deps: IngestDeps, identity: StreamIdentity): IngestStream {
  const known = new Map<number, Known>();
  let node: TelemetryNode | undefined;
  let target: Target | undefined;
  let skewMs: number | undefined;
  let refused = 0;
  let reason = '';

  function refuse(why: string): void {
    refused++;
    deps.counters.refused++;
    if (reason === '') reason = why;
  }

  /** The name a stream goes by: what it says, as far as its certificate allows. */
  function bind(claim: TelemetryNode): string | undefined {
    const { workload = '', namespace = identity.namespace } = claim;
    if (namespace !== identity.namespace) return `the sender says namespace ${namespace}, its certificate says ${identity.namespace}`;
    if (workload === '') return 'the sender names no workload';
    if (deps.knowsWorkload?.(namespace, identity.serviceAccount, workload) === false)
      return `no workload ${workload} of ${namespace} runs as ${identity.serviceAccount}`;
    node = claim;
    const instance = claim.instance || workload;
    target = deps.metrics.target(
      withoutEmpty({
        job: claim.component || 'agent',
        namespace,
        pod: instance,
        instance: claim.address ?? instance,
        app: claim.app ?? '',
        version: claim.version ?? '',
      }),
    );
    return undefined;
  }

  function localTime(batch: TelemetryBatch): number {
    const nowMs = deps.now();
    const sent = jsonNumber(batch.time_ms);
    if (!Number.isFinite(sent) || sent <= 0) return nowMs;
    skewMs ??= Math.abs(nowMs - sent) < MAX_SKEW_MS ? 0 : nowMs - sent;
    const local = sent + skewMs;
    return Math.abs(local - nowMs) < MAX_SKEW_MS ? local : nowMs;
  }

  function define(definition: SeriesDefinition, to: Target, sentMs: number, timeMs: number): void {
    const id = definition.id ?? 0;
    const fault = checkDefinition(definition, identity, node, known.size);
    if (id === 0 || fault !== undefined) return refuse(fault ?? 'a series has no id');
    const age = sentMs - jsonNumber(definition.created_ms);
    const createdMs = age >= 0 && Number.isFinite(age) ? timeMs - age : timeMs;
    const name = definition.name ?? '';
    const labels = { ...definition.labels, ...to.labels };
    const make = (suffix: string, extra: Labels): StoredSeries | undefined =>
      deps.metrics.series(to, { __name__: name + suffix, ...labels, ...extra });
    const isHistogram = definition.kind === 'HISTOGRAM';
    const bounds = [...(definition.bounds ?? []).map(jsonNumber), Infinity];
    const parts = isHistogram
      ? [...bounds.map((bound) => make('_bucket', { le: bound === Infinity ? '+Inf' : String(bound) })), make('_sum', {}), make('_count', {})]
      : [make('', {})];
    const all = parts.filter((part) => part !== undefined);
    if (all.length < parts.length) return refuse('the store has as many series as it may hold');
    known.set(id, { parts: all, buckets: isHistogram ? bounds.length : 0, cumulative: definition.kind !== 'GAUGE', createdMs });
  }

  /** New counters get a zero where they began, so that their first value is an increase and shows at once. */
  function zeros(to: Target, fresh: readonly Known[], timeMs: number): void {
    const lastMs = to.raw.lastTimeMs;
    const born = fresh.filter((one) => one.cumulative && timeMs - one.createdMs < ZERO_WITHIN_MS);
    const late = born.filter((one) => lastMs === undefined || one.createdMs > lastMs);
    if (late.length > 0) {
      const atMs = Math.min(timeMs - 1, ...late.map((one) => one.createdMs));
      if (lastMs === undefined || atMs > lastMs) {
        const tick = deps.metrics.tick(to, atMs);
        const parts = late.flatMap((one) => one.parts);
        for (const part of parts) deps.metrics.set(part, tick, 0);
        deps.journal?.tick(
          to,
          atMs,
          parts.map((part) => [part, 0]),
        );
      }
    }
    for (const one of born) {
      if (late.includes(one)) continue;
      const tick = Math.max(to.raw.first, to.raw.firstAfter(one.createdMs) - 1);
      for (const part of one.parts) {
        if (part.raw.length === 0) deps.metrics.set(part, tick, 0);
      }
    }
  }

  function values(batch: TelemetryBatch, changes: [StoredSeries, number][]): void {
    const set = (series: StoredSeries | undefined, value: number): void => {
      if (series !== undefined) changes.push([series, value]);
    };
    const ids = batch.sample_ids ?? [];
    const samples = batch.sample_values ?? [];
    if (ids.length !== samples.length) return refuse(`${ids.length} sample ids, but ${samples.length} values`);
    for (const [i, id] of ids.entries()) {
      const one = known.get(id);
      const value = jsonNumber(samples[i]);
      if (one === undefined || one.buckets > 0) refuse(`sample of series ${id}, which was not described`);
      else if (one.cumulative && !(value >= 0)) refuse(`counter ${id} has the value ${value}`);
      else set(one.parts[0], value);
    }
    for (const sample of batch.histograms ?? []) {
      const one = known.get(sample.id ?? 0);
      const counts = cumulate(sample.counts ?? []);
      if (one === undefined || one.buckets !== counts?.length) {
        refuse(`histogram ${sample.id ?? 0} was not described, or has the wrong number of buckets`);
        continue;
      }
      for (const [i, count] of counts.entries()) set(one.parts[i], count);
      set(one.parts[one.buckets], jsonNumber(sample.sum));
      set(one.parts[one.buckets + 1], counts.at(-1) ?? 0);
    }
  }

  function metrics(batch: TelemetryBatch, to: Target): void {
    const sentMs = jsonNumber(batch.time_ms);
    const timeMs = localTime(batch);
    const before = known.size;
    for (const definition of batch.series ?? []) define(definition, to, sentMs, timeMs);
    const changes: [StoredSeries, number][] = [];
    if (known.size > before) zeros(to, [...known.values()].slice(before), timeMs);
    values(batch, changes);
    const tick = deps.metrics.tick(to, timeMs);
    for (const [series, value] of changes) deps.metrics.set(series, tick, value);
    deps.journal?.tick(to, to.raw.timeOf(tick), changes);
    deps.counters.samples += changes.length;
    retire(batch, to, tick);
  }

  function retire(batch: TelemetryBatch, to: Target, tick: number): void {
    const gone: StoredSeries[] = [];
    for (const id of batch.retired_ids ?? []) {
      for (const part of known.get(id)?.parts ?? []) {
        deps.metrics.end(part, tick);
        gone.push(part);
      }
      known.delete(id);
    }
    if (gone.length > 0) deps.journal?.ended(to, gone);
  }

  function spansAndLines(batch: TelemetryBatch): void {
    const spans: StoredSpan[] = [];
    for (const one of batch.spans ?? []) {
      const span = checkSpan(one);
      if (typeof span === 'string') refuse(span);
      else if (!span.service.endsWith(`.${identity.namespace}`)) refuse(`a span of service ${span.service} from namespace ${identity.namespace}`);
      else spans.push(span);
    }
    for (const span of spans) deps.traces.add(span);
    deps.journal?.spans(spans);
    deps.counters.spans += spans.length;
    const nowMs = deps.now();
    const key = { namespace: identity.namespace, workload: node?.workload ?? '', instance: node?.instance || (node?.workload ?? '') };
    for (const line of batch.logs ?? []) {
      const timeMs = jsonNumber(line.time_ms);
      deps.logs.add(key, {
        timeMs: timeMs > 0 && timeMs < nowMs + MAX_SKEW_MS ? timeMs : nowMs,
        source: line.source ?? 'APPLICATION',
        text: line.text ?? '',
      });
      deps.counters.lines++;
    }
  }

  return {
    ingest(batch) {
      refused = 0;
      reason = '';
      if (node === undefined) {
        const fault = batch.node === undefined ? 'the first batch of a stream must say who sends' : bind(batch.node);
        if (fault !== undefined) {
          refuse(fault);
          return { sequence: batch.sequence ?? 0, refused, reason };
        }
      }
      if (target !== undefined) metrics(batch, target);
      spansAndLines(batch);
      deps.counters.batches++;
      deps.changed();
      return { sequence: batch.sequence ?? 0, ...(refused === 0 ? {} : { refused, reason }) };
    },
    close() {
      known.clear();
    },
  };
}

function cumulate(counts: readonly JsonNumber[]): number[] | undefined {
  let total = 0;
  const out: number[] = [];
  for (const count of counts) {
    const value = jsonNumber(count);
    if (!(value >= 0)) return undefined;
    total += value;
    out.push(total);
  }
  return out;
}

function withoutEmpty(labels: Record<string, string>): Labels {
  return Object.fromEntries(Object.entries(labels).filter(([, value]) => value !== ''));
}

/** What is wrong with a series, or undefined. A workload may speak of its own side of the traffic only for itself. */
function checkDefinition(definition: SeriesDefinition, identity: StreamIdentity, node: TelemetryNode | undefined, count: number): string | undefined {
  const { name = '', labels = {}, bounds = [] } = definition;
  if (count >= MAX_SERIES_PER_STREAM) return `more than ${MAX_SERIES_PER_STREAM} series in one stream`;
  if (!METRIC_NAME.test(name)) return `${JSON.stringify(name.slice(0, 60))} is not a metric's name`;
  const entries = Object.entries(labels);
  if (entries.length > MAX_LABELS) return `${name} has ${entries.length} labels, the limit is ${MAX_LABELS}`;
  for (const [key, value] of entries) {
    if (!LABEL_NAME.test(key)) return `${name}: ${JSON.stringify(key.slice(0, 60))} is not a label's name`;
    if (value.length > MAX_LABEL_LENGTH) return `${name}: label ${key} is longer than ${MAX_LABEL_LENGTH} characters`;
  }
  if (bounds.length > MAX_BOUNDS || bounds.some((bound, i) => !(jsonNumber(bound) > (i === 0 ? -Infinity : jsonNumber(bounds[i - 1])))))
    return `${name}: bounds must ascend, at most ${MAX_BOUNDS}`;
  const { reporter } = labels;
  if (reporter === undefined) return undefined;
  const side = reporter === 'source' ? 'source' : 'destination';
  const own = {
    namespace: labels[`${side}_workload_namespace`],
    workload: labels[`${side}_workload`],
    principal: labels[`${side}_principal`] ?? 'unknown',
  };
  if (own.namespace !== identity.namespace)
    return `${name}: ${reporter} reporter claims namespace ${own.namespace}, its certificate says ${identity.namespace}`;
  if (own.workload !== node?.workload) return `${name}: ${reporter} reporter claims workload ${own.workload}, it is ${node?.workload}`;
  if (own.principal !== 'unknown' && own.principal !== identity.principal)
    return `${name}: ${reporter} reporter claims principal ${own.principal}, its certificate says ${identity.principal}`;
  return undefined;
}
