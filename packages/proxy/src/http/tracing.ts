import { readTraceContext, traceHeaders, type TraceFormat } from '@meltemi/telemetry/recording';
import { HEADER, type HeadScanner } from '@meltemi/wire';
import { chooseTraced } from '../tracing/sampling.ts';
import type { Exchange } from './exchange.ts';
import type { HeadView } from './request-view.ts';
import { replacedBySpan, startSpan } from './spans.ts';

const INCOMING = [HEADER.traceparent, HEADER.b3, HEADER['x-b3-traceid'], HEADER['x-b3-sampled'], HEADER['x-b3-flags']] as const;
/** Lines that ours replace. */
const REPLACED = [
  HEADER.traceparent,
  HEADER.tracestate,
  HEADER.b3,
  HEADER['x-b3-traceid'],
  HEADER['x-b3-spanid'],
  HEADER['x-b3-parentspanid'],
  HEADER['x-b3-sampled'],
  HEADER['x-b3-flags'],
] as const;
const FORCE = HEADER['x-envoy-force-trace'];
const NEW_TRACE: readonly TraceFormat[] = ['w3c', 'b3-multi'];

/**
 * Decides whether the request is traced and makes this hop's span: a child of the caller's, or the root of a new trace. The route is
 * known already.
 */
export function startTrace(x: Exchange, scanner: HeadScanner, view: HeadView): void {
  const { tracing } = x.plan;
  if (x.internal && scanner.known[FORCE] !== 0) x.tellsRequestId = true;
  if (tracing === undefined) return;
  const { sampling } = x.route?.config.tracing ?? tracing.config;
  const choice = chooseTraced(x.info.requestId, sampling, { view, random: x.worker.random });
  if (choice.requestId !== '') {
    x.info.requestId = choice.requestId;
    x.requestIdMarked = true;
    view.renew(view.bytes);
  }
  if (tracing.provider === undefined) startOwnTrace(x, scanner, { view, traced: choice.traced });
  else startSpan(x, tracing.provider, { view, traced: choice.traced });
}

/**
 * The agent takes the span. The caller's context is W3C, else B3; the next hop gets the caller's formats; a new trace goes out in both,
 * as applications pass on one or the other.
 */
function startOwnTrace(x: Exchange, scanner: HeadScanner, { view, traced }: { readonly view: HeadView; readonly traced: boolean }): void {
  const { ids } = x.worker;
  const spanId = ids.hex(8);
  let present = false;
  for (const id of INCOMING) if (scanner.known[id] !== 0) present = true;
  const read = present ? readTraceContext((name) => view.header(name)) : {};
  const { context } = read;
  const sampled = context?.sampled ?? read.decision ?? traced;
  if (context === undefined) {
    const traceId = ids.hex(16);
    x.trace = { traceId, spanId, parentSpanId: '', sampled, traced };
    const decision = sampled ? '1' : '0';
    x.traceLines = `traceparent: 00-${traceId}-${spanId}-0${decision}\r\nx-b3-traceid: ${traceId}\r\nx-b3-spanid: ${spanId}\r\nx-b3-sampled: ${decision}\r\n`;
  } else {
    x.trace = { traceId: context.traceId, spanId, parentSpanId: context.spanId, sampled, traced };
    const child = { ...context, spanId, parentSpanId: context.spanId, sampled };
    const formats = context.formats.length === 0 ? NEW_TRACE : context.formats;
    x.traceLines = traceHeaders(child, formats)
      .map(([name, value]) => `${name}: ${value}\r\n`)
      .join('');
  }
  x.info.trace = x.trace;
}

/** Takes the caller's trace lines out of the head just scanned. */
export function cutTrace(x: Exchange, scanner: HeadScanner): void {
  const replaced = x.span === undefined ? REPLACED : replacedBySpan(x);
  for (const id of replaced) if (scanner.known[id] !== 0) scanner.dropKnown(id);
}
