import { readTraceContext, traceHeaders, type TraceFormat } from '@meltemi/telemetry/recording';
import type { Sampling } from '@meltemi/runtime';
import { HEADER, type HeadScanner } from '@meltemi/wire';
import type { Exchange } from './exchange.ts';
import type { HeadView } from './request-view.ts';

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
const NEW_TRACE: readonly TraceFormat[] = ['w3c', 'b3-multi'];

/**
 * Makes this hop's span: a child of the caller's (W3C, else B3), or the root of a new trace. The next hop gets the caller's formats; a
 * new trace goes out in both, as applications pass on one or the other.
 */
export function startTrace(x: Exchange, scanner: HeadScanner, view: HeadView): void {
  const { tracing } = x.plan.config;
  if (tracing === undefined) return;
  const { ids, random } = x.worker;
  const spanId = ids.hex(8);
  let present = false;
  for (const id of INCOMING) if (scanner.known[id] !== 0) present = true;
  const read = present ? readTraceContext((name) => view.header(name)) : {};
  const { context } = read;
  const sampled = context?.sampled ?? read.decision ?? decideSampling(tracing.sampling, view, random);
  if (context === undefined) {
    const traceId = ids.hex(16);
    x.trace = { traceId, spanId, parentSpanId: '', sampled, traced: sampled };
    const decision = sampled ? '1' : '0';
    x.traceLines = `traceparent: 00-${traceId}-${spanId}-0${decision}\r\nx-b3-traceid: ${traceId}\r\nx-b3-spanid: ${spanId}\r\nx-b3-sampled: ${decision}\r\n`;
  } else {
    x.trace = { traceId: context.traceId, spanId, parentSpanId: context.spanId, sampled, traced: sampled };
    const child = { ...context, spanId, parentSpanId: context.spanId, sampled };
    const formats = context.formats.length === 0 ? NEW_TRACE : context.formats;
    x.traceLines = traceHeaders(child, formats)
      .map(([name, value]) => `${name}: ${value}\r\n`)
      .join('');
  }
  x.info.trace = x.trace;
}

function decideSampling({ client, random: all, overall }: Sampling, view: HeadView, random: () => number): boolean {
  const forced = view.header('x-envoy-force-trace') !== undefined;
  const share = forced ? client : all;
  return random() < share.numerator / share.denominator && random() < overall.numerator / overall.denominator;
}

/** Takes the caller's trace lines out of the head just scanned. */
export function cutTrace(scanner: HeadScanner): void {
  for (const id of REPLACED) if (scanner.known[id] !== 0) scanner.dropKnown(id);
}
