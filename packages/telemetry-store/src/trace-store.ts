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
  return new MemoryTraceStore(limits);
}

class MemoryTraceStore implements TraceStore {
  readonly #maxSpans: number;
  readonly #maxSpansPerTrace: number;
  readonly #traces = new Map<string, Entry>();
  readonly #byService = new Map<string, Set<Entry>>();
  #spanCount = 0;

  constructor(limits: Partial<TraceLimits>) {
    this.#maxSpans = limits.maxSpans ?? 50_000;
    this.#maxSpansPerTrace = limits.maxSpansPerTrace ?? 2000;
  }

  get spanCount(): number {
    return this.#spanCount;
  }

  get traceCount(): number {
    return this.#traces.size;
  }

  add(span: StoredSpan): void {
    const entry = this.#entry(span);
    const isKnown = entry.spans.some((one) => one.spanId === span.spanId && one.kind === span.kind && one.service === span.service);
    if (isKnown || entry.spans.length >= this.#maxSpansPerTrace) return;
    entry.spans.push(span);
    entry.services.add(span.service);
    entry.startUs = Math.min(entry.startUs, span.startUs);
    entry.endUs = Math.max(entry.endUs, span.startUs + span.durationUs);
    const list = this.#byService.get(span.service);
    if (list === undefined) this.#byService.set(span.service, new Set([entry]));
    else list.add(entry);
    this.#spanCount++;
    this.#evict();
  }

  get(traceId: string): Trace | undefined {
    const entry = this.#traces.get(traceId);
    return entry === undefined ? undefined : shown(entry);
  }

  search(query: TraceQuery): Trace[] {
    const candidates = query.service === undefined ? this.#traces.values() : (this.#byService.get(query.service)?.values() ?? []);
    return [...candidates]
      .filter((entry) => fits(entry, query))
      .toSorted((a, b) => b.startUs - a.startUs)
      .slice(0, query.limit ?? 20)
      .map(shown);
  }

  services(): string[] {
    return [...this.#byService.keys()].toSorted();
  }

  operations(service: string): { readonly name: string; readonly kind: StoredSpan['kind'] }[] {
    const seen = new Map<string, { name: string; kind: StoredSpan['kind'] }>();
    for (const entry of this.#byService.get(service) ?? []) {
      for (const span of entry.spans) if (span.service === service) seen.set(`${span.kind} ${span.name}`, { name: span.name, kind: span.kind });
    }
    return [...seen.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
  }

  dependencies(startUs: number, endUs: number): Dependency[] {
    const counts = new Map<string, { parent: string; child: string; callCount: number }>();
    for (const entry of this.#traces.values()) {
      if (entry.startUs > endUs || entry.endUs < startUs) continue;
      for (const { parent, child } of calls(entry)) {
        const key = `${parent} ${child}`;
        const known = counts.get(key);
        if (known === undefined) counts.set(key, { parent, child, callCount: 1 });
        else known.callCount++;
      }
    }
    return [...counts.values()];
  }

  #entry(span: StoredSpan): Entry {
    let entry = this.#traces.get(span.traceId);
    if (entry === undefined) {
      entry = { traceId: span.traceId, spans: [], services: new Set(), startUs: span.startUs, endUs: span.startUs + span.durationUs };
      this.#traces.set(span.traceId, entry);
    }
    return entry;
  }

  #evict(): void {
    while (this.#spanCount > this.#maxSpans) {
      const oldest = this.#traces.values().next().value;
      if (oldest === undefined) return;
      this.#traces.delete(oldest.traceId);
      this.#spanCount -= oldest.spans.length;
      for (const service of oldest.services) {
        const list = this.#byService.get(service);
        list?.delete(oldest);
        if (list?.size === 0) this.#byService.delete(service);
      }
    }
  }
}

/** Who called whom: spans whose parent is of another service. */
function calls(entry: Entry): { readonly parent: string; readonly child: string }[] {
  const serviceOf = new Map(entry.spans.map((span) => [span.spanId, span.service]));
  return entry.spans.flatMap((span) => {
    const parent = serviceOf.get(span.parentSpanId);
    return parent === undefined || parent === span.service ? [] : [{ parent, child: span.service }];
  });
}

function shown(entry: Entry): Trace {
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
/** Of all tags of one span: spans are counted, so this bounds the memory of all. */
const MAX_TAGS_LENGTH = 16_384;

/** A span as it came, checked; a text says why it is refused. */
export function checkSpan(span: Span): StoredSpan | string {
  const { trace_id: traceId = '', span_id: spanId = '', parent_span_id: parentSpanId = '', tags = {} } = span;
  const startUs = jsonNumber(span.start_us);
  const durationUs = jsonNumber(span.duration_us);
  const fault = checkIds(traceId, spanId, parentSpanId) ?? checkTimes(startUs, durationUs) ?? checkTags(tags);
  if (fault !== undefined) return fault;
  const { name = '', kind = 'INTERNAL', error = false, service = '' } = span;
  return { traceId, spanId, parentSpanId, name: name.slice(0, 1024), kind, startUs, durationUs, error, service: service.slice(0, 512), tags };
}

function checkIds(traceId: string, spanId: string, parentSpanId: string): string | undefined {
  if (!/^[0-9a-f]{32}$/.test(traceId)) return `trace_id ${JSON.stringify(traceId.slice(0, 40))} is not 32 hexadecimal digits`;
  if (!/^[0-9a-f]{16}$/.test(spanId)) return `span_id ${JSON.stringify(spanId.slice(0, 40))} is not 16 hexadecimal digits`;
  return /^([0-9a-f]{16})?$/.test(parentSpanId) ? undefined : 'parent_span_id is not 16 hexadecimal digits';
}

function checkTimes(startUs: number, durationUs: number): string | undefined {
  const isFine = Number.isFinite(startUs) && startUs > 0 && Number.isFinite(durationUs) && durationUs >= 0;
  return isFine ? undefined : 'a span needs a start and a duration';
}

function checkTags(tags: Readonly<Record<string, string>>): string | undefined {
  const all = Object.entries(tags);
  if (all.length > MAX_TAGS || all.some(([key, value]) => key.length > 256 || value.length > MAX_TAG_LENGTH))
    return `more than ${MAX_TAGS} tags, or one longer than ${MAX_TAG_LENGTH} characters`;
  const length = all.reduce((sum, [key, value]) => sum + key.length + value.length, 0);
  return length <= MAX_TAGS_LENGTH ? undefined : `tags of ${length} characters, the limit is ${MAX_TAGS_LENGTH}`;
}
