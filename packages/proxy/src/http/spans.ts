import type { OtelSampler, OtelTracer, TracingProvider, ZipkinTracer } from '@meltemi/runtime';
import { HEADER } from '@meltemi/wire';
import { commonTags, routeTags } from '../tracing/compile-tracing.ts';
import { readB3, readW3c, type CallerContext } from '../tracing/propagation.ts';
import type { CompiledTracing, FinishedSpan, RequestSpan } from '../tracing/types.ts';
import { clean } from './headers.ts';
import type { Exchange } from './exchange.ts';
import { knownValue, type HeadView } from './request-view.ts';

const W3C = [HEADER.traceparent, HEADER.tracestate] as const;
const B3 = [HEADER['x-b3-traceid'], HEADER['x-b3-spanid'], HEADER['x-b3-parentspanid'], HEADER['x-b3-sampled']] as const;
const BOTH = [...W3C, ...B3] as const;
const DECORATOR = HEADER['x-envoy-decorator-operation'];

/** Of a request that is about to be routed: does it have to be traced? */
interface Start {
  readonly view: HeadView;
  readonly traced: boolean;
}

/** Makes this hop's span for a collector, and the lines that the next hop gets. */
export function startSpan(x: Exchange, provider: TracingProvider, start: Start): void {
  const span = provider.t === 'zipkin' ? zipkinSpan(x, provider, start) : otelSpan(x, provider, start);
  // A caller whose context cannot be read: it goes on as it is, and nothing is told of it.
  if (span === undefined) return;
  x.span = span;
  const { traceId, spanId, parentSpanId, sampled } = span;
  x.trace = { traceId, spanId, parentSpanId, sampled, traced: start.traced };
  x.info.trace = x.trace;
  span.name = nameOf(x, provider, start.view);
  span.routeTags = routeTags(x.route?.config.tracing, (name) => start.view.header(name));
  x.traceLines = linesOf(provider, span, span);
}

/** The caller's own word for the operation, else the route's, else where the request goes. */
function nameOf(x: Exchange, provider: TracingProvider, view: HeadView): string {
  const egress = x.plan.tracing?.egress === true;
  const told = egress || x.worker.requestScanner.known[DECORATOR] === 0 ? '' : (view.header('x-envoy-decorator-operation') ?? '');
  x.operationTold = told !== '';
  if (told !== '') return told;
  return x.route?.config.operation ?? usualName(provider, egress, x.viewAuthority);
}

function usualName({ t }: TracingProvider, egress: boolean, authority: string): string {
  if (t === 'zipkin') return authority;
  return egress ? `egress ${authority}` : 'ingress';
}

function otelSpan(x: Exchange, { sampler }: OtelTracer, { view, traced }: Start): RequestSpan | undefined {
  const { ids } = x.worker;
  const caller = readW3c((name) => view.header(name));
  if (caller === undefined && view.header('traceparent') !== undefined) return undefined;
  const traceId = caller?.traceId ?? ids.hex(16);
  // What is not chosen here is not sampled, whatever caller and sampler say.
  const sampled = traced && (sampler === undefined ? caller?.sampled !== false : sample(sampler, caller, traceId));
  return {
    traceId,
    spanId: ids.hex(8),
    parentSpanId: caller?.spanId ?? '',
    traceState: caller?.traceState ?? '',
    sampled,
    name: '',
    routeTags: [],
    attempt: undefined,
    asCame: false,
  };
}

function sample(sampler: OtelSampler, caller: CallerContext | undefined, traceId: string): boolean {
  if (sampler.t === 'always') return true;
  if (sampler.t === 'ratio') return Number.parseInt(traceId.slice(0, 13), 16) / 2 ** 52 < sampler.ratio;
  return caller?.sampled ?? sample(sampler.root, caller, traceId);
}

function zipkinSpan(x: Exchange, provider: ZipkinTracer, { view, traced }: Start): RequestSpan {
  const { ids } = x.worker;
  const header = (name: string): string | undefined => view.header(name);
  const { caller, decision } = readZipkin(header, provider.w3c);
  const sampled = decision ?? traced;
  // A caller of the single header is handed on with that, as it came.
  const asCame = view.header('b3') !== undefined;
  const rest = { traceState: caller?.traceState ?? '', sampled, name: '', routeTags: [], attempt: undefined, asCame };
  if (caller === undefined) {
    const spanId = ids.hex(8);
    return { traceId: provider.traceId128 ? ids.hex(8) + spanId : spanId, spanId, parentSpanId: '', ...rest };
  }
  const { traceId } = caller;
  const shares = provider.sharedSpanContext && !isClient(x.plan.tracing);
  if (shares) return { traceId, spanId: caller.spanId, parentSpanId: caller.parentSpanId, ...rest };
  return { traceId, spanId: ids.hex(8), parentSpanId: caller.spanId, ...rest };
}

/** B3, else W3C where that is asked for. */
function readZipkin(
  header: (name: string) => string | undefined,
  w3c: boolean,
): { readonly caller: CallerContext | undefined; readonly decision: boolean | undefined } {
  const b3 = readB3(header);
  const caller = b3 !== undefined && 'traceId' in b3 ? b3 : w3c ? readW3c(header) : undefined;
  return { caller, decision: (b3 ?? caller)?.sampled };
}

/** With a span for each attempt the request's own is the server's. */
function isClient(tracing: CompiledTracing | undefined): boolean {
  return tracing !== undefined && tracing.egress && !spawns(tracing);
}

function spawns({ config, provider }: CompiledTracing): boolean {
  return config.spawnUpstreamSpan || (provider?.t === 'zipkin' && provider.splitSpans);
}

/** What the next hop is told: the ids of the request's span, or of the attempt's. */
function linesOf(
  provider: TracingProvider,
  { traceId, traceState, sampled, asCame }: RequestSpan,
  { spanId, parentSpanId }: { readonly spanId: string; readonly parentSpanId: string },
): string {
  if (asCame) return '';
  const w3c = `traceparent: 00-${traceId.padStart(32, '0')}-${spanId}-${sampled ? '01' : '00'}\r\n`;
  if (provider.t === 'opentelemetry') return traceState === '' ? w3c : `${w3c}tracestate: ${clean(traceState)}\r\n`;
  const parent = parentSpanId === '' ? '' : `x-b3-parentspanid: ${parentSpanId}\r\n`;
  const b3 = `x-b3-traceid: ${traceId}\r\nx-b3-spanid: ${spanId}\r\n${parent}x-b3-sampled: ${sampled ? '1' : '0'}\r\n`;
  return provider.w3c ? b3 + w3c : b3;
}

/** Headers of the caller that ours replace. */
export function replacedBySpan({ plan: { tracing }, span }: Exchange): readonly number[] {
  if (span?.asCame === true) return [];
  const provider = tracing?.provider;
  if (provider?.t === 'opentelemetry') return W3C;
  return provider?.w3c === true ? BOTH : B3;
}

/** An attempt is about to be sent: it has a span of its own where that is asked for. */
export function startAttemptSpan(x: Exchange): void {
  const { span, info } = x;
  const { tracing } = x.plan;
  if (span === undefined || tracing?.provider === undefined || !spawns(tracing)) return;
  endAttemptSpan(x);
  const spanId = x.worker.ids.hex(8);
  span.attempt = {
    spanId,
    startMs: info.startTimeMs + info.upstreamStartMs - info.startMs,
    cluster: info.clusterName,
    address: info.upstreamRemote,
  };
  x.traceLines = linesOf(tracing.provider, span, { spanId, parentSpanId: span.spanId });
}

/** The attempt is over. */
export function endAttemptSpan(x: Exchange): void {
  const { span, info, worker } = x;
  const { tracing } = x.plan;
  const attempt = span?.attempt;
  if (span === undefined || attempt === undefined || tracing?.provider === undefined) return;
  span.attempt = undefined;
  if (!span.sampled) return;
  const tags = new Map<string, string>([
    ['http.protocol', info.httpVersion],
    ['upstream_address', attempt.address],
    ['peer.address', attempt.address],
  ]);
  commonTags(tags, info);
  addCustomTags(x, span, tags);
  const finished: FinishedSpan = {
    ...idsOf(x, span),
    spanId: attempt.spanId,
    parentSpanId: span.spanId,
    name: `router ${attempt.cluster} egress`,
    kind: 'client',
    remoteParent: false,
    startMs: attempt.startMs,
    durationMs: worker.wheel.recent - info.startMs - (attempt.startMs - info.startTimeMs),
    tags,
  };
  worker.spans.add(tracing.key, tracing.provider, finished, worker);
}

/** The request is over. */
export function endSpan(x: Exchange): void {
  const { span, info, worker } = x;
  const { tracing } = x.plan;
  if (span === undefined || tracing?.provider === undefined) return;
  endAttemptSpan(x);
  if (!span.sampled) return;
  const tags = tracing.tags(info);
  addCustomTags(x, span, tags);
  const { node } = worker.ports;
  tags.set('node_id', node?.id ?? '');
  tags.set('zone', node?.locality?.zone ?? '');
  const finished: FinishedSpan = {
    ...idsOf(x, span),
    spanId: span.spanId,
    parentSpanId: span.parentSpanId,
    name: span.name,
    kind: isClient(tracing) ? 'client' : 'server',
    remoteParent: span.parentSpanId !== '',
    startMs: info.startTimeMs,
    durationMs: info.endMs - info.startMs,
    tags,
  };
  worker.spans.add(tracing.key, tracing.provider, finished, worker);
}

function addCustomTags({ plan, info }: Exchange, { routeTags: own }: RequestSpan, tags: Map<string, string>): void {
  plan.tracing?.addCustomTags(info, tags);
  for (const [tag, read] of own) {
    const value = read(info);
    if (value !== undefined) tags.set(tag, value);
  }
}

function idsOf({ info }: Exchange, { traceId, traceState }: RequestSpan): Pick<FinishedSpan, 'traceId' | 'traceState' | 'local'> {
  return { traceId, traceState, local: { address: info.connection.localAddress, port: 0 } };
}

/** The server's own word for the operation names the client's span. */
export function readOperation(x: Exchange, bytes: Uint8Array): void {
  const { responseScanner: scanner } = x.worker;
  if (x.span === undefined || x.plan.tracing?.egress !== true || scanner.known[DECORATOR] === 0) return;
  const told = knownValue(scanner, bytes, DECORATOR);
  if (told !== '') x.span.name = told;
}

/** What the client's proxy is told of the operation, where it has not told us. */
export function operationLine(x: Exchange): string {
  const { operation, propagateOperation } = x.route?.config ?? {};
  const tells = x.span !== undefined && x.plan.tracing?.egress === false && !x.operationTold && propagateOperation === true;
  return tells && operation !== undefined ? `x-envoy-decorator-operation: ${clean(operation)}\r\n` : '';
}
