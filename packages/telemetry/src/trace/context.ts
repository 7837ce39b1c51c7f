import type { Random } from '@meltemi/base';

/** Where a request stands in its trace. `traceId` has 32 and `spanId` 16 lower-case hexadecimal digits, never all zero. */
export interface TraceContext {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  /** Undefined: the caller left the decision to us (B3 only). */
  readonly sampled: boolean | undefined;
  /** W3C `tracestate`, handed on as it came. */
  readonly traceState: string | undefined;
  /** The formats the caller used: the answer to "which headers do we send on". */
  readonly formats: readonly TraceFormat[];
}

export type TraceFormat = 'w3c' | 'b3-single' | 'b3-multi';

/** How a header is asked for; names are lower case. */
export type HeaderLookup = (name: string) => string | undefined;

/** Headers that carry trace context and that an application must hand on. */
export const TRACE_HEADERS = [
  'x-request-id',
  'traceparent',
  'tracestate',
  'b3',
  'x-b3-traceid',
  'x-b3-spanid',
  'x-b3-parentspanid',
  'x-b3-sampled',
  'x-b3-flags',
] as const;

const MAX_TRACE_STATE = 512;

/** W3C trace context (level 1): `00-<trace>-<parent>-<flags>`. A malformed or all-zero value is undefined, as the standard asks. */
export function parseTraceparent(value: string): { readonly traceId: string; readonly spanId: string; readonly sampled: boolean } | undefined {
  const match = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/.exec(value.trim());
  if (match === null) return undefined;
  const [, version = '', traceId = '', spanId = '', flags = '', more] = match;
  if (version === 'ff' || (version === '00' && more !== undefined)) return undefined;
  if (isZero(traceId) || isZero(spanId)) return undefined;
  return { traceId, spanId, sampled: (parseInt(flags, 16) & 1) === 1 };
}

export function formatTraceparent(context: Pick<TraceContext, 'traceId' | 'spanId' | 'sampled'>): string {
  return `00-${context.traceId}-${context.spanId}-${context.sampled === false ? '00' : '01'}`;
}

/** B3 in one header: `{trace}-{span}[-{0|1|d}[-{parent}]]`, or only the decision. */
export function parseB3Single(value: string): Omit<TraceContext, 'formats' | 'traceState'> | { readonly sampled: boolean } | undefined {
  const text = value.trim().toLowerCase();
  if (text === '0') return { sampled: false };
  if (text === '1' || text === 'd') return { sampled: true };
  const match = /^([0-9a-f]{32}|[0-9a-f]{16})-([0-9a-f]{16})(?:-([01d])(?:-([0-9a-f]{16}))?)?$/.exec(text);
  if (match === null) return undefined;
  const [, trace = '', spanId = '', decision, parentSpanId] = match;
  const traceId = trace.padStart(32, '0');
  if (isZero(traceId) || isZero(spanId)) return undefined;
  return { traceId, spanId, parentSpanId, sampled: decision === undefined ? undefined : decision !== '0' };
}

/** Reads W3C, then B3 single, then B3 multi; the first that is valid wins. A bare sampling decision has no ids and is `decision`. */
export function readTraceContext(header: HeaderLookup): { readonly context?: TraceContext; readonly decision?: boolean } {
  const traceparent = header('traceparent');
  const w3c = traceparent === undefined ? undefined : parseTraceparent(traceparent);
  const formats = presentFormats(header);
  if (w3c !== undefined) {
    const state = header('tracestate');
    const traceState = state !== undefined && state.length <= MAX_TRACE_STATE ? state : undefined;
    return { context: { ...w3c, parentSpanId: undefined, traceState, formats } };
  }
  const single = header('b3');
  const b3 = single === undefined ? readB3Multi(header) : parseB3Single(single);
  if (b3 === undefined) return {};
  if (!('traceId' in b3)) return { decision: b3.sampled };
  return { context: { ...b3, traceState: undefined, formats } };
}

function presentFormats(header: HeaderLookup): TraceFormat[] {
  const formats: TraceFormat[] = [];
  if (header('traceparent') !== undefined) formats.push('w3c');
  if (header('b3') !== undefined) formats.push('b3-single');
  if (header('x-b3-traceid') !== undefined) formats.push('b3-multi');
  return formats;
}

function readB3Multi(header: HeaderLookup): Omit<TraceContext, 'formats' | 'traceState'> | { readonly sampled: boolean } | undefined {
  const read = (name: string): string => header(name)?.toLowerCase() ?? '';
  const trace = read('x-b3-traceid');
  const spanId = read('x-b3-spanid');
  const sampled = read('x-b3-flags') === '1' ? true : DECISIONS[read('x-b3-sampled')];
  if (isId(trace, /^([0-9a-f]{32}|[0-9a-f]{16})$/) && isId(spanId, SPAN_ID)) {
    const parent = read('x-b3-parentspanid');
    return { traceId: trace.padStart(32, '0'), spanId, parentSpanId: SPAN_ID.test(parent) ? parent : undefined, sampled };
  }
  return sampled === undefined ? undefined : { sampled };
}

const DECISIONS: Readonly<Record<string, boolean>> = { '1': true, true: true, '0': false, false: false };
const SPAN_ID = /^[0-9a-f]{16}$/;

function isId(text: string, pattern: RegExp): boolean {
  return pattern.test(text) && !isZero(text);
}

type Header = readonly [name: string, value: string];

const WRITERS: Readonly<Record<TraceFormat, (context: TraceContext) => readonly Header[]>> = {
  w3c: (context) => [
    ['traceparent', formatTraceparent(context)],
    ...(context.traceState === undefined ? [] : [['tracestate', context.traceState] as const]),
  ],
  'b3-single': (context) => [['b3', b3Single(context)]],
  'b3-multi': (context) => [
    ['x-b3-traceid', context.traceId],
    ['x-b3-spanid', context.spanId],
    ...(context.parentSpanId === undefined ? [] : [['x-b3-parentspanid', context.parentSpanId] as const]),
    ...(context.sampled === undefined ? [] : [['x-b3-sampled', context.sampled ? '1' : '0'] as const]),
  ],
};

function b3Single({ traceId, spanId, parentSpanId, sampled }: TraceContext): string {
  if (sampled === undefined) return `${traceId}-${spanId}`;
  return `${traceId}-${spanId}-${sampled ? '1' : '0'}${parentSpanId === undefined ? '' : `-${parentSpanId}`}`;
}

/** The headers that hand a context on, in the formats given (W3C when none is). */
export function traceHeaders(context: TraceContext, formats: readonly TraceFormat[] = context.formats): readonly Header[] {
  const used: readonly TraceFormat[] = formats.length === 0 ? ['w3c'] : formats;
  return used.flatMap((format) => WRITERS[format](context));
}

/** The context of a span below `parent`, or of a new trace when there is none. `sampled` decides for a new or undecided trace. */
export function childContext(parent: TraceContext | undefined, sampled: () => boolean, random: Random): TraceContext {
  const spanId = randomHex(random, 16);
  if (parent === undefined) {
    return { traceId: randomHex(random, 32), spanId, parentSpanId: undefined, sampled: sampled(), traceState: undefined, formats: [] };
  }
  return { ...parent, spanId, parentSpanId: parent.spanId, sampled: parent.sampled ?? sampled() };
}

/** `digits` random hexadecimal digits (a multiple of 8), not all zero. */
export function randomHex(random: Random, digits: number): string {
  let text = '';
  while (text.length < digits)
    text += Math.floor(random.next() * 0x1_0000_0000)
      .toString(16)
      .padStart(8, '0');
  return isZero(text) ? `${text.slice(0, -1)}1` : text;
}

function isZero(hex: string): boolean {
  return /^0*$/.test(hex);
}
