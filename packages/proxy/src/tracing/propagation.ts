import { parseB3Single, parseTraceparent } from '@meltemi/telemetry/recording';

/** What a caller says of the trace, as one of the formats has it. */
export interface CallerContext {
  /** 16 or 32 digits. */
  readonly traceId: string;
  readonly spanId: string;
  /** Its own parent, '' = none. */
  readonly parentSpanId: string;
  readonly traceState: string;
  /** undefined = it leaves the decision to us. */
  readonly sampled: boolean | undefined;
}

type Lookup = (name: string) => string | undefined;

/** W3C trace context; what is no such value counts as absent. */
export function readW3c(header: Lookup): CallerContext | undefined {
  const parent = header('traceparent');
  const parsed = parent === undefined ? undefined : parseTraceparent(parent);
  return parsed === undefined ? undefined : { ...parsed, parentSpanId: '', traceState: header('tracestate') ?? '' };
}

/** Zipkin's B3 headers: the single one first. A bare decision has no ids. */
export function readB3(header: Lookup): CallerContext | { readonly sampled: boolean } | undefined {
  const single = header('b3');
  return single === undefined ? readMulti(header) : readSingle(single);
}

function readSingle(text: string): CallerContext | { readonly sampled: boolean } | undefined {
  const parsed = parseB3Single(text);
  if (parsed === undefined || !('traceId' in parsed)) return parsed;
  // What came with 64 bits goes on with 64.
  const traceId = /^[0-9a-f]{16}-/i.test(text.trim()) ? parsed.traceId.slice(16) : parsed.traceId;
  return { traceId, spanId: parsed.spanId, parentSpanId: parsed.parentSpanId ?? '', traceState: '', sampled: parsed.sampled };
}

function readMulti(header: Lookup): CallerContext | { readonly sampled: boolean } | undefined {
  const id = (name: string): string => header(name)?.toLowerCase() ?? '';
  const sampled = decisionOf(header);
  const [traceId, spanId, parent] = [id('x-b3-traceid'), id('x-b3-spanid'), id('x-b3-parentspanid')];
  if (!isId(traceId, 16, 32) || !isId(spanId, 16, 16)) return sampled === undefined ? undefined : { sampled };
  return { traceId, spanId, parentSpanId: isId(parent, 16, 16) ? parent : '', traceState: '', sampled };
}

function decisionOf(header: Lookup): boolean | undefined {
  if (header('x-b3-flags') === '1') return true;
  const told = header('x-b3-sampled')?.toLowerCase();
  return told === undefined ? undefined : told === '1' || told === 'true';
}

function isId(text: string, short: number, long: number): boolean {
  return (text.length === short || text.length === long) && /^[0-9a-f]+$/.test(text) && !/^0+$/.test(text);
}
