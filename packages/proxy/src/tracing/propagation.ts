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
  if (single !== undefined) {
    const parsed = parseB3Single(single);
    if (parsed === undefined) return undefined;
    if (!('traceId' in parsed)) return parsed;
    const traceId = /^[0-9a-f]{16}-/i.test(single.trim()) ? parsed.traceId.slice(16) : parsed.traceId;
    return { traceId, spanId: parsed.spanId, parentSpanId: parsed.parentSpanId ?? '', traceState: '', sampled: parsed.sampled };
  }
  const told = header('x-b3-sampled');
  const sampled = header('x-b3-flags') === '1' ? true : told === undefined ? undefined : told === '1' || told.toLowerCase() === 'true';
  const traceId = (header('x-b3-traceid') ?? '').toLowerCase();
  const spanId = (header('x-b3-spanid') ?? '').toLowerCase();
  if (!isId(traceId, 16, 32) || !isId(spanId, 16, 16)) return sampled === undefined ? undefined : { sampled };
  const parent = (header('x-b3-parentspanid') ?? '').toLowerCase();
  return { traceId, spanId, parentSpanId: isId(parent, 16, 16) ? parent : '', traceState: '', sampled };
}

function isId(text: string, short: number, long: number): boolean {
  return (text.length === short || text.length === long) && /^[0-9a-f]+$/.test(text) && !/^0+$/.test(text);
}
