import { jsonNumber, type Span } from '@meltemi/telemetry';

export interface TraceLimits {
  /** Spans of all traces together; the oldest traces go first. Default 50 000. */
  readonly maxSpans: number;
  /** Spans of one trace; more are dropped. Default 2000. */
  readonly maxSpansPerTrace: number;
}

/** A span as it is kept: checked, with numbers. Times in microseconds since the epoch. */
export interface StoredSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly name: string;
  readonly kind: 'INTERNAL' | 'SERVER' | 'CLIENT';
  readonly startUs: number;
  readonly durationUs: number;
  readonly error: boolean;
  readonly service: string;
  readonly tags: Readonly<Record<string, string>>;
}

export interface Trace {
  readonly traceId: string;
  readonly spans: readonly StoredSpan[];
  readonly startUs: number;
  readonly durationUs: number;
}

export interface TraceQuery {
  readonly service?: string | undefined;
  readonly operation?: string | undefined;
  /** All must be equal on one span. */
  readonly tags?: Readonly<Record<string, string>>;
  readonly startUs?: number | undefined;
  readonly endUs?: number | undefined;
  readonly minDurationUs?: number | undefined;
  readonly maxDurationUs?: number | undefined;
  /** Newest first. Default 20. */
  readonly limit?: number | undefined;
}

/** Calls between two services, from spans and their parents. */
export interface Dependency {
  readonly parent: string;
  readonly child: string;
  readonly callCount: number;
}

export interface TraceStore {
  add(span: StoredSpan): void;
  get(traceId: string): Trace | undefined;
  search(query: TraceQuery): Trace[];
  services(): string[];
  operations(service: string): { readonly name: string; readonly kind: StoredSpan['kind'] }[];
  dependencies(startUs: number, endUs: number): Dependency[];
  readonly spanCount: number;
  readonly traceCount: number;
}

interface Entry {
  readonly traceId: string;
  readonly spans: StoredSpan[];
  readonly services: Set<string>;
  startUs: number;
  endUs: number;
}

export function createTraceStore(limits: Partial<TraceLimits> = {}): TraceStore {
  const maxSpans = limits.maxSpans ?? 50_000;
  const maxSpansPerTrace = limits.maxSpansPerTrace ?? 2000;
  const traces = new Map<string, Entry>();
  const byService = new Map<string, Set<Entry>>();
  let spanCount = 0;

  function evict(): void {
    while (spanCount > maxSpans) {
      const oldest = traces.values().next().value;
      if (oldest === undefined) return;
      traces.delete(oldest.traceId);
      spanCount -= oldest.spans.length;
      for (const service of oldest.services) {
        const list = byService.get(service);
        list?.delete(oldest);
        if (list?.size === 0) byService.delete(service);
      }
    }
  }

  return {
    add(span) {
      let entry = traces.get(span.traceId);
      if (entry === undefined) {
        entry = { traceId: span.traceId, spans: [], services: new Set(), startUs: span.startUs, endUs: span.startUs + span.durationUs };
        traces.set(span.traceId, entry);
      }
      if (
        entry.spans.length >= maxSpansPerTrace ||
        entry.spans.some((one) => one.spanId === span.spanId && one.kind === span.kind && one.service === span.service)
      )
        return;
      entry.spans.push(span);
      entry.services.add(span.service);
      entry.startUs = Math.min(entry.startUs, span.startUs);
      entry.endUs = Math.max(entry.endUs, span.startUs + span.durationUs);
      const list = byService.get(span.service);
      if (list === undefined) byService.set(span.service, new Set([entry]));
      else list.add(entry);
      spanCount++;
      evict();
    },
    get: (traceId) => shown(traces.get(traceId)),
    search(query) {
      const candidates = query.service === undefined ? traces.values() : (byService.get(query.service)?.values() ?? []);
      return [...candidates]
        .filter((entry) => fits(entry, query))
        .toSorted((a, b) => b.startUs - a.startUs)
        .slice(0, query.limit ?? 20)
        .flatMap((entry) => shown(entry) ?? []);
    },
    services: () => [...byService.keys()].toSorted(),
    operations(service) {
      const seen = new Map<string, { name: string; kind: StoredSpan['kind'] }>();
      for (const entry of byService.get(service) ?? []) {
        for (const span of entry.spans) if (span.service === service) seen.set(`${span.kind} ${span.name}`, { name: span.name, kind: span.kind });
      }
      return [...seen.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
    },
    dependencies(startUs, endUs) {
      const counts = new Map<string, { parent: string; child: string; callCount: number }>();
      for (const entry of traces.values()) {
        if (entry.startUs > endUs || entry.endUs < startUs) continue;
        const serviceOf = new Map(entry.spans.map((span) => [span.spanId, span.service]));
        for (const span of entry.spans) {
          const parent = serviceOf.get(span.parentSpanId);
          if (parent === undefined || parent === span.service) continue;
          const key = `${parent} ${span.service}`;
          const known = counts.get(key);
          if (known === undefined) counts.set(key, { parent, child: span.service, callCount: 1 });
          else known.callCount++;
        }
      }
      return [...counts.values()];
    },
    get spanCount() {
      return spanCount;
    },
    get traceCount() {
      return traces.size;
    },
  };
}

function shown(entry: Entry | undefined): Trace | undefined {
  if (entry === undefined) return undefined;
  return { traceId: entry.traceId, spans: entry.spans, startUs: entry.startUs, durationUs: entry.endUs - entry.startUs };
}

function fits(entry: Entry, query: TraceQuery): boolean {
  const duration = entry.endUs - entry.startUs;
  if (query.startUs !== undefined && entry.startUs < query.startUs) return false;
  if (query.endUs !== undefined && entry.startUs > query.endUs) return false;
  if (query.minDurationUs !== undefined && duration < query.minDurationUs) return false;
  if (query.maxDurationUs !== undefined && duration > query.maxDurationUs) return false;
  const tags = Object.entries(query.tags ?? {});
  if (query.operation === undefined && tags.length === 0) return true;
  return entry.spans.some((span) => {
    if (query.service !== undefined && span.service !== query.service) return false;
    if (query.operation !== undefined && span.name !== query.operation) return false;
    return tags.every(([key, value]) => (key === 'error' ? String(span.error) === value || span.tags['error'] === value : span.tags[key] === value));
  });
}

const MAX_TAGS = 128;
const MAX_TAG_LENGTH = 4096;

/** A span as it came, checked; a text says why it is refused. */
export function checkSpan(span: Span): StoredSpan | string {
  if (!/^[0-9a-f]{32}$/.test(span.trace_id ?? ''))
    return `trace_id ${JSON.stringify((span.trace_id ?? '').slice(0, 40))} is not 32 hexadecimal digits`;
  if (!/^[0-9a-f]{16}$/.test(span.span_id ?? '')) return `span_id ${JSON.stringify((span.span_id ?? '').slice(0, 40))} is not 16 hexadecimal digits`;
  if (!/^([0-9a-f]{16})?$/.test(span.parent_span_id ?? '')) return 'parent_span_id is not 16 hexadecimal digits';
  const startUs = jsonNumber(span.start_us);
  const durationUs = jsonNumber(span.duration_us);
  if (!Number.isFinite(startUs) || startUs <= 0 || !Number.isFinite(durationUs) || durationUs < 0) return 'a span needs a start and a duration';
  const tags = Object.entries(span.tags ?? {});
  if (tags.length > MAX_TAGS || tags.some(([key, value]) => key.length > 256 || value.length > MAX_TAG_LENGTH))
    return `more than ${MAX_TAGS} tags, or one longer than ${MAX_TAG_LENGTH} characters`;
  return {
    traceId: span.trace_id ?? '',
    spanId: span.span_id ?? '',
    parentSpanId: span.parent_span_id ?? '',
    name: (span.name ?? '').slice(0, 1024),
    kind: span.kind ?? 'INTERNAL',
    startUs,
    durationUs,
    error: span.error ?? false,
    service: (span.service ?? '').slice(0, 512),
    tags: span.tags ?? {},
  };
}
