import { compileHeader } from '../compile/predicates.ts';
import type { RequestView } from '../compiled.ts';
import { decodeFraction } from '../decode/common.ts';
import { asObject, type Reader } from '../decode/reader.ts';
import { decodeHeaderMatch } from '../decode/route-match.ts';
import { statistics, type Statistic } from '../stats/statistic.ts';
import type { HeaderMatch } from '../types/route.ts';
import { defineFilter, mostSpecific, type FilterKind } from './define.ts';
import type { FilterContext, FilterReply, FilterVerdict, MetadataStruct, ResponseHook } from './types.ts';

/** The fault filter, or one route's setting of it. Shares are 0..1. */
export interface FaultConfig {
  readonly delay?: Share & ({ readonly t: 'fixed'; readonly ms: number } | { readonly t: 'header' });
  readonly abort?: Share & ({ readonly t: 'fixed'; readonly status: number; readonly grpcStatus?: number } | { readonly t: 'header' });
  readonly limit?: Share & ({ readonly t: 'fixed'; readonly kbps: number } | { readonly t: 'header' });
  /** Only requests for this cluster; '' = all. */
  readonly cluster: string;
  /** Only requests that match all of these. */
  readonly headers: readonly HeaderMatch[];
  /** Only callers that name themselves so in `x-envoy-downstream-service-node`; empty = all. */
  readonly nodes: readonly string[];
  /** Infinity = no limit. */
  readonly maxActiveFaults: number;
  /** Left in the dynamic metadata of requests that a fault hits, under the filter's name in the chain. */
  readonly metadata?: MetadataStruct;
}

/** `numerator` of `denominator` requests; a request's own header may ask for less. */
interface Share {
  readonly numerator: number;
  readonly denominator: number;
}

const TYPE = 'envoy.extensions.filters.http.fault.v3.HTTPFault';

/** Delays, aborts and slows a share of the requests (`envoy.filters.http.fault`). A route's own setting replaces the chain's. */
export const faultFilter: FilterKind = defineFilter<FaultConfig, FaultConfig>({
  t: 'fault',
  types: [TYPE],
  overrideTypes: [TYPE],
  decode: decodeFault,
  decodeOverride: decodeFault,
  compile(own, site) {
    const config = mostSpecific(own, site);
    if (config.delay === undefined && config.abort === undefined && config.limit === undefined) return undefined;
    const concerned = compileTarget(config);
    const stats = statistics(`${site.statPrefix}fault.`, STATS);
    return { decide: (context) => (concerned(context) ? decideFault({ config, stats, name: site.name }, context) : undefined) };
  },
});

function decodeFault(reader: Reader): FaultConfig {
  // There is no runtime layer: the keys would only rename these numbers.
  reader.harmless(
    'delay_percent_runtime',
    'abort_percent_runtime',
    'delay_duration_runtime',
    'abort_http_status_runtime',
    'abort_grpc_status_runtime',
  );
  reader.harmless('max_active_faults_runtime', 'response_rate_limit_percent_runtime', 'disable_downstream_cluster_stats');
  const delay = reader.message('delay');
  const abort = reader.message('abort');
  const limit = reader.message('response_rate_limit');
  const metadata = asObject(reader.raw('filter_metadata'));
  return {
    ...(delay === undefined ? {} : { delay: decodeDelay(delay) }),
    ...(abort === undefined ? {} : { abort: decodeAbort(abort) }),
    ...(limit === undefined ? {} : { limit: decodeLimit(limit) }),
    cluster: reader.string('upstream_cluster'),
    headers: reader.messages('headers').map(decodeHeaderMatch),
    nodes: reader.strings('downstream_nodes'),
    maxActiveFaults: reader.has('max_active_faults') ? reader.number('max_active_faults', 0) : Infinity,
    ...(metadata === undefined ? {} : { metadata: metadata as MetadataStruct }),
  };
}

function decodeDelay(reader: Reader): NonNullable<FaultConfig['delay']> {
  if (reader.message('header_delay') !== undefined) return { t: 'header', ...share(reader) };
  return { t: 'fixed', ms: reader.duration('fixed_delay', 0), ...share(reader) };
}

function decodeAbort(reader: Reader): NonNullable<FaultConfig['abort']> {
  if (reader.message('header_abort') !== undefined) return { t: 'header', ...share(reader) };
  if (reader.has('grpc_status')) return { t: 'fixed', status: 200, grpcStatus: reader.number('grpc_status', 2), ...share(reader) };
  const status = reader.number('http_status', 0);
  reader.require('http_status', isStatus(status), `${status} is no status between 200 and 599`);
  return { t: 'fixed', status, ...share(reader) };
}

function decodeLimit(reader: Reader): NonNullable<FaultConfig['limit']> {
  if (reader.message('header_limit') !== undefined) return { t: 'header', ...share(reader) };
  const fixed = reader.message('fixed_limit');
  const kbps = fixed?.number('limit_kbps', 0) ?? 0;
  reader.require('fixed_limit.limit_kbps', kbps >= 1, 'must be at least 1');
  return { t: 'fixed', kbps, ...share(reader) };
}

/** An absent percentage hits no request, as in Envoy. */
function share(reader: Reader): Share {
  const percentage = reader.message('percentage');
  if (percentage === undefined) return { numerator: 0, denominator: 100 };
  const denominator = percentage.oneOf('denominator', DENOMINATORS, 100);
  return { numerator: Math.round(decodeFraction(percentage) * denominator), denominator };
}

const DENOMINATORS = { HUNDRED: 100, TEN_THOUSAND: 10_000, MILLION: 1_000_000 };

function isStatus(status: number): boolean {
  return status >= 200 && status < 600;
}

/** Is the request one that the configuration is for? */
function compileTarget({ cluster, headers, nodes }: FaultConfig): (context: FilterContext) => boolean {
  const tests = headers.map(compileHeader);
  return ({ choice, request }) => {
    if (cluster !== '' && choice?.cluster !== cluster) return false;
    if (nodes.length > 0 && !nodes.includes(request.header('x-envoy-downstream-service-node') ?? '')) return false;
    return tests.every((test) => test(request));
  };
}

/** What may be injected, and how it is counted. */
const INJECTED = { response: 'response_rl_injected', delayMs: 'delays_injected', reply: 'aborts_injected' } as const;
const STATS = [...Object.values(INJECTED), 'faults_overflow'] as const;

interface Compiled {
  readonly config: FaultConfig;
  readonly stats: Readonly<Record<(typeof STATS)[number], Statistic>>;
  /** The filter's, in the chain. */
  readonly name: string;
}

function decideFault({ config, stats, name }: Compiled, context: FilterContext): FilterVerdict | undefined {
  const { thread } = context;
  const faults = drawFaults(config, context);
  if (faults === undefined) return undefined;
  const over = thread.activeFaults >= config.maxActiveFaults;
  // Over the limit each counts that would have been.
  for (const [kind, counter] of Object.entries(INJECTED)) if (Object.hasOwn(faults, kind)) stats[over ? 'faults_overflow' : counter].count(thread);
  if (over) return undefined;
  return { fault: true, ...faults, ...(config.metadata === undefined ? {} : { metadata: { [name]: config.metadata } }) };
}

/** What is to be injected. undefined = nothing. */
function drawFaults(config: FaultConfig, context: FilterContext): Pick<FilterVerdict, keyof typeof INJECTED> | undefined {
  const response = limitOf(config, context);
  const delayMs = delayOf(config, context);
  const reply = abortOf(config, context);
  if (response === undefined && delayMs === undefined && reply === undefined) return undefined;
  return {
    ...(delayMs === undefined ? {} : { delayMs }),
    ...(reply === undefined ? {} : { reply }),
    ...(response === undefined ? {} : { response }),
  };
}

function delayOf({ delay }: FaultConfig, context: FilterContext): number | undefined {
  if (delay === undefined || !hit(delay, 'x-envoy-fault-delay-request-percentage', context)) return undefined;
  return delay.t === 'fixed' ? delay.ms : wholeNumber(context.request, 'x-envoy-fault-delay-request');
}

function abortOf({ abort }: FaultConfig, context: FilterContext): FilterReply | undefined {
  if (abort === undefined || !hit(abort, 'x-envoy-fault-abort-request-percentage', context)) return undefined;
  const made = { body: 'fault filter abort', flag: 'FI', details: 'fault_filter_abort' };
  if (abort.t === 'fixed') return { status: abort.status, ...made, ...(abort.grpcStatus === undefined ? {} : { grpcStatus: abort.grpcStatus }) };
  const status = wholeNumber(context.request, 'x-envoy-fault-abort-request');
  if (status !== undefined) return isStatus(status) ? { status, ...made } : undefined;
  const grpcStatus = wholeNumber(context.request, 'x-envoy-fault-abort-grpc-request');
  return grpcStatus === undefined ? undefined : { status: 200, ...made, grpcStatus };
}

function limitOf({ limit }: FaultConfig, context: FilterContext): ResponseHook | undefined {
  if (limit === undefined || !hit(limit, 'x-envoy-fault-throughput-response-percentage', context)) return undefined;
  const kbps = limit.t === 'fixed' ? limit.kbps : wholeNumber(context.request, 'x-envoy-fault-throughput-response');
  if (kbps === undefined || kbps === 0) return undefined;
  const transform = { t: 'fault', bytesPerSecond: kbps * 1024 };
  return { onResponse: ({ endOfStream }) => (endOfStream ? undefined : { transform }) };
}

/** Where the caller steers by headers, it can ask for a smaller share than is configured, and never for more. */
function hit(part: Share & { readonly t: 'fixed' | 'header' }, header: string, { request, thread }: FilterContext): boolean {
  const asked = part.t === 'header' ? wholeNumber(request, header) : undefined;
  const fraction = Math.min(part.numerator, asked ?? part.numerator) / part.denominator;
  return fraction > 0 && (fraction >= 1 || thread.random() < fraction);
}

function wholeNumber(request: RequestView, name: string): number | undefined {
  const text = request.header(name);
  return text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}
