import {
  jsonNumber,
  type JsonNumber,
  type Labels,
  type SeriesDefinition,
  type TelemetryAck,
  type TelemetryBatch,
  type TelemetryNode,
} from '@meltemi/telemetry';
import type { Change, Journal } from './journal.ts';
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
  /** Whether it is known who sends. While it is not, nothing is stored, and what describes the series is lost: begin anew. */
  readonly isBound: boolean;
  close(): void;
}

interface Sender {
  readonly node: TelemetryNode;
  readonly workload: string;
  readonly target: Target;
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
  return new Stream(deps, identity);
}

class Stream implements IngestStream {
  readonly #deps: IngestDeps;
  readonly #identity: StreamIdentity;
  readonly #known = new Map<number, Known>();
  /** Who sends, as far as its certificate allows, and where its series are; from the first batch on. */
  #sender: Sender | undefined;
  #skewMs: number | undefined;
  #refused = 0;
  #reason = '';

  constructor(deps: IngestDeps, identity: StreamIdentity) {
    this.#deps = deps;
    this.#identity = identity;
  }

  get isBound(): boolean {
    return this.#sender !== undefined;
  }

  ingest(batch: TelemetryBatch): TelemetryAck {
    this.#refused = 0;
    this.#reason = '';
    const sender = (this.#sender ??= this.#bind(batch.node));
    if (sender !== undefined) {
      this.#metrics(batch, sender.target);
      this.#spans(batch);
      this.#lines(batch);
      this.#deps.counters.batches++;
      this.#deps.changed();
    }
    return { sequence: batch.sequence ?? 0, ...(this.#refused === 0 ? {} : { refused: this.#refused, reason: this.#reason }) };
  }

  /** What nobody has described anew ends with the stream: the sender's next life may not have it. */
  close(): void {
    const target = this.#sender?.target;
    const told = [...this.#known.values()].flatMap((one) => one.parts).filter((part) => part.teller === this && part.end === undefined);
    this.#known.clear();
    if (target === undefined || told.length === 0 || target.raw.next === target.raw.first) return;
    for (const part of told) this.#deps.metrics.end(part, target.raw.next - 1);
    this.#deps.journal?.ended(target, told);
  }

  #refuse(why: string): void {
    this.#refused++;
    this.#deps.counters.refused++;
    if (this.#reason === '') this.#reason = why;
  }

  #bind(claim: TelemetryNode | undefined): Sender | undefined {
    const fault = claim === undefined ? 'the first batch of a stream must say who sends' : this.#checkClaim(claim);
    if (claim === undefined || fault !== undefined) {
      this.#refuse(fault ?? '');
      return undefined;
    }
    const { workload = '', component, address, app = '', version = '' } = claim;
    const instance = claim.instance || workload;
    const labels = { job: component || 'agent', namespace: this.#identity.namespace, pod: instance, instance: address ?? instance, app, version };
    return { node: claim, workload, target: this.#deps.metrics.target(withoutEmpty(labels)) };
  }

  #checkClaim({ workload = '', namespace = this.#identity.namespace }: TelemetryNode): string | undefined {
    const identity = this.#identity;
    if (namespace !== identity.namespace) return `the sender says namespace ${namespace}, its certificate says ${identity.namespace}`;
    if (workload === '') return 'the sender names no workload';
    if (this.#deps.knowsWorkload?.(namespace, identity.serviceAccount, workload) === false)
      return `no workload ${workload} of ${namespace} runs as ${identity.serviceAccount}`;
    return undefined;
  }

  #localTime(batch: TelemetryBatch): number {
    const nowMs = this.#deps.now();
    const sent = jsonNumber(batch.time_ms);
    if (!Number.isFinite(sent) || sent <= 0) return nowMs;
    this.#skewMs ??= Math.abs(nowMs - sent) < MAX_SKEW_MS ? 0 : nowMs - sent;
    const local = sent + this.#skewMs;
    return Math.abs(local - nowMs) < MAX_SKEW_MS ? local : nowMs;
  }

  #metrics(batch: TelemetryBatch, to: Target): void {
    const { metrics, journal, counters } = this.#deps;
    const timeMs = this.#localTime(batch);
    const before = this.#known.size;
    for (const definition of batch.series ?? []) this.#define(definition, to, { sentMs: jsonNumber(batch.time_ms), timeMs });
    if (this.#known.size > before) this.#zeros(to, [...this.#known.values()].slice(before), timeMs);
    const changes: Change[] = [];
    this.#samples(batch, changes);
    this.#histograms(batch, changes);
    const tick = metrics.tick(to, timeMs);
    for (const [series, value] of changes) metrics.set(series, tick, value);
    journal?.tick(to, to.raw.timeOf(tick), changes);
    counters.samples += changes.length;
    this.#retire(batch, to, tick);
  }

  #define(definition: SeriesDefinition, to: Target, { sentMs, timeMs }: { readonly sentMs: number; readonly timeMs: number }): void {
    const { id = 0 } = definition;
    if (id === 0) return this.#refuse('a series has no id');
    const fault =
      this.#known.size >= MAX_SERIES_PER_STREAM ? `more than ${MAX_SERIES_PER_STREAM} series in one stream` : this.#checkSeries(definition);
    if (fault !== undefined) return this.#refuse(fault);
    const buckets = definition.kind === 'HISTOGRAM' ? (definition.bounds ?? []).length + 1 : 0;
    const parts = this.#parts(definition, to, buckets > 0);
    if (parts === undefined) return this.#refuse('the store has as many series as it may hold');
    const age = sentMs - jsonNumber(definition.created_ms);
    const createdMs = age >= 0 && Number.isFinite(age) ? timeMs - age : timeMs;
    for (const part of parts) part.teller = this;
    this.#known.set(id, { parts, buckets, cumulative: definition.kind !== 'GAUGE', createdMs });
  }

  #checkSeries(definition: SeriesDefinition): string | undefined {
    return checkDefinition(definition) ?? checkReporter(definition, this.#identity, this.#sender?.workload);
  }

  /** The stored series of a definition; undefined when the store takes no more. */
  #parts({ name = '', labels, bounds = [] }: SeriesDefinition, to: Target, isHistogram: boolean): readonly StoredSeries[] | undefined {
    const make = (suffix: string, extra: Labels): StoredSeries | undefined =>
      this.#deps.metrics.series(to, { __name__: name + suffix, ...labels, ...to.labels, ...extra });
    const bucket = (le: string): StoredSeries | undefined => make('_bucket', { le });
    const parts = isHistogram
      ? [...bounds.map((bound) => bucket(String(jsonNumber(bound)))), bucket('+Inf'), make('_sum', {}), make('_count', {})]
      : [make('', {})];
    const all = parts.filter((part) => part !== undefined);
    return all.length === parts.length ? all : undefined;
  }

  /** New counters get a zero where they began, so that their first value is an increase and shows at once. */
  #zeros(to: Target, fresh: readonly Known[], timeMs: number): void {
    const lastMs = to.raw.lastTimeMs;
    const born = fresh.filter((one) => one.cumulative && timeMs - one.createdMs < ZERO_WITHIN_MS);
    const late = born.filter((one) => lastMs === undefined || one.createdMs > lastMs);
    if (late.length > 0) this.#zeroTick(to, late, timeMs);
    for (const one of born) {
      if (late.includes(one)) continue;
      const tick = Math.max(to.raw.first, to.raw.firstAfter(one.createdMs) - 1);
      for (const part of one.parts) if (part.raw.length === 0) this.#deps.metrics.set(part, tick, 0);
    }
  }

  /** A tick of its own for the zeros of series that began after the last one. */
  #zeroTick(to: Target, late: readonly Known[], timeMs: number): void {
    const { metrics, journal } = this.#deps;
    const lastMs = to.raw.lastTimeMs;
    const atMs = Math.min(timeMs - 1, ...late.map((one) => one.createdMs));
    if (lastMs !== undefined && atMs <= lastMs) return;
    const tick = metrics.tick(to, atMs);
    const zeros = late.flatMap((one) => one.parts).map((part): Change => [part, 0]);
    for (const [part] of zeros) metrics.set(part, tick, 0);
    journal?.tick(to, atMs, zeros);
  }

  #samples(batch: TelemetryBatch, changes: Change[]): void {
    const { sample_ids: ids = [], sample_values: values = [] } = batch;
    if (ids.length !== values.length) return this.#refuse(`${ids.length} sample ids, but ${values.length} values`);
    for (const [i, id] of ids.entries()) {
      const one = this.#known.get(id);
      const value = jsonNumber(values[i]);
      const series = one?.buckets === 0 ? one.parts[0] : undefined;
      if (one === undefined || series === undefined) this.#refuse(`sample of series ${id}, which was not described`);
      else if (one.cumulative && !(value >= 0)) this.#refuse(`counter ${id} has the value ${value}`);
      else changes.push([series, value]);
    }
  }

  #histograms(batch: TelemetryBatch, changes: Change[]): void {
    for (const { id = 0, counts = [], sum } of batch.histograms ?? []) {
      const one = this.#known.get(id);
      const totals = cumulate(counts);
      if (one === undefined || one.buckets !== totals?.length) {
        this.#refuse(`histogram ${id} was not described, or has the wrong number of buckets`);
        continue;
      }
      const values = [...totals, jsonNumber(sum), totals.at(-1) ?? 0];
      for (const [i, part] of one.parts.entries()) changes.push([part, values[i] ?? NaN]);
    }
  }

  #retire(batch: TelemetryBatch, to: Target, tick: number): void {
    const gone: StoredSeries[] = [];
    for (const id of batch.retired_ids ?? []) {
      for (const part of this.#known.get(id)?.parts ?? []) {
        this.#deps.metrics.end(part, tick);
        gone.push(part);
      }
      this.#known.delete(id);
    }
    if (gone.length > 0) this.#deps.journal?.ended(to, gone);
  }

  #spans(batch: TelemetryBatch): void {
    const { namespace } = this.#identity;
    const spans: StoredSpan[] = [];
    for (const one of batch.spans ?? []) {
      const span = checkSpan(one);
      if (typeof span === 'string') this.#refuse(span);
      else if (!span.service.endsWith(`.${namespace}`)) this.#refuse(`a span of service ${span.service} from namespace ${namespace}`);
      else spans.push(span);
    }
    for (const span of spans) this.#deps.traces.add(span);
    this.#deps.journal?.spans(spans);
    this.#deps.counters.spans += spans.length;
  }

  #lines(batch: TelemetryBatch): void {
    const { logs, counters } = this.#deps;
    const nowMs = this.#deps.now();
    const workload = this.#sender?.workload ?? '';
    const key = { namespace: this.#identity.namespace, workload, instance: this.#sender?.node.instance || workload };
    for (const { time_ms: time, source = 'APPLICATION', text = '' } of batch.logs ?? []) {
      const sentMs = jsonNumber(time);
      const timeMs = sentMs > 0 && sentMs < nowMs + MAX_SKEW_MS ? sentMs : nowMs;
      logs.add(key, { timeMs, source, text });
      counters.lines++;
    }
  }
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

/** What is wrong with a series, or undefined. */
function checkDefinition({ name = '', labels = {}, bounds = [] }: SeriesDefinition): string | undefined {
  if (!METRIC_NAME.test(name)) return `${JSON.stringify(name.slice(0, 60))} is not a metric's name`;
  const entries = Object.entries(labels);
  if (entries.length > MAX_LABELS) return `${name} has ${entries.length} labels, the limit is ${MAX_LABELS}`;
  for (const [key, value] of entries) {
    if (!LABEL_NAME.test(key)) return `${name}: ${JSON.stringify(key.slice(0, 60))} is not a label's name`;
    if (value.length > MAX_LABEL_LENGTH) return `${name}: label ${key} is longer than ${MAX_LABEL_LENGTH} characters`;
  }
  if (bounds.length > MAX_BOUNDS || bounds.some((bound, i) => !(jsonNumber(bound) > (i === 0 ? -Infinity : jsonNumber(bounds[i - 1])))))
    return `${name}: bounds must ascend, at most ${MAX_BOUNDS}`;
  return undefined;
}

/** A workload may speak of its own side of the traffic only for itself. */
function checkReporter({ name = '', labels = {} }: SeriesDefinition, identity: StreamIdentity, workload: string | undefined): string | undefined {
  const { reporter } = labels;
  if (reporter === undefined) return undefined;
  const side = reporter === 'source' ? 'source' : 'destination';
  const claimed = { namespace: labels[`${side}_workload_namespace`], workload: labels[`${side}_workload`] };
  const principal = labels[`${side}_principal`] ?? 'unknown';
  const claims = `${name}: ${reporter} reporter claims`;
  if (claimed.namespace !== identity.namespace) return `${claims} namespace ${claimed.namespace}, its certificate says ${identity.namespace}`;
  if (claimed.workload !== workload) return `${claims} workload ${claimed.workload}, it is ${workload}`;
  if (principal !== 'unknown' && principal !== identity.principal)
    return `${claims} principal ${principal}, its certificate says ${identity.principal}`;
  return undefined;
}
