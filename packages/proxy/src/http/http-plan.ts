import { cidrTable, type CompiledHttp, type HttpConnectionManager, type RuntimeListener } from '@meltemi/runtime';
import { compileLog, type CompiledLog } from '../access-log/compile-log.ts';
import type { CaptureList } from '../access-log/operators.ts';
import type { ClassCounts, HttpCounts } from '../stats/http-counts.ts';
import type { ProxyStats } from '../stats/proxy-stats.ts';
import { compileTracing } from '../tracing/compile-tracing.ts';
import type { CompiledTracing } from '../tracing/types.ts';
import { clean } from './headers.ts';
import { compileReplyRules, type ReplyRules } from './reply-rules.ts';

/** What a connection manager's settings come to, worked out once. */
export interface HttpPlan {
  readonly http: CompiledHttp;
  readonly config: HttpConnectionManager;
  readonly logs: readonly CompiledLog[];
  readonly counts: HttpCounts;
  /** The same of this listener alone. */
  readonly classes: ClassCounts;
  /** undefined = requests are not traced. */
  readonly tracing: CompiledTracing | undefined;
  /** Lower-case names of headers to remember for logs and tags. */
  readonly captureRequest: readonly string[];
  readonly captureResponse: readonly string[];
  readonly captureTrailers: readonly string[];
  /** `server: istio-envoy\r\n`, '' when the upstream's is passed through. */
  readonly serverLine: string;
  /** Requests from outside: their `x-envoy-…` and identity headers are not believed. */
  readonly edge: boolean;
  /** Is a client at this address one of ours, whose `x-envoy-…` headers are obeyed? undefined = nobody is. */
  readonly isInternal: ((address: string) => boolean) | undefined;
  /** What becomes of the proxy's own answers; undefined = they stay as they are. */
  readonly replyRules: ReplyRules | undefined;
  /** How long a client may take to close after our FIN. */
  readonly closeMs: number;
  /** Headers to look at beyond those every request has. */
  readonly upgrades: ReadonlySet<string>;
}

const plans = new WeakMap<CompiledHttp, HttpPlan>();

/** The plan of a connection manager. */
export function httpPlan(http: CompiledHttp, listener: RuntimeListener, stats: ProxyStats): HttpPlan {
  let plan = plans.get(http);
  if (plan === undefined) {
    plan = makePlan(http, listener, stats);
    plans.set(http, plan);
  }
  return plan;
}

function makePlan(http: CompiledHttp, listener: RuntimeListener, stats: ProxyStats): HttpPlan {
  const { config } = http;
  const capture: CaptureList = { request: [], response: [], trailers: [] };
  const logs = config.accessLogs.map((log) => compileLog(log, capture));
  const replyRules = config.localReplies === undefined ? undefined : compileReplyRules(config.localReplies, capture);
  const tracing = config.tracing === undefined ? undefined : compileTracing(config.tracing, listener.direction === 'outbound', capture);
  return {
    http,
    config,
    logs,
    counts: stats.httpOf(config.statPrefix),
    classes: stats.classesOf(listener, config.statPrefix),
    tracing,
    captureRequest: capture.request,
    captureResponse: capture.response,
    captureTrailers: capture.trailers,
    serverLine: config.serverHeader === 'pass-through' ? '' : `server: ${clean(config.serverName)}\r\n`,
    edge: config.useRemoteAddress,
    replyRules,
    isInternal: internalTest(config),
    closeMs: Math.max(1, config.delayedCloseMs),
    upgrades: new Set(config.upgrades),
  };
}

function internalTest({ internalAddresses }: HttpConnectionManager): HttpPlan['isInternal'] {
  if (internalAddresses.length === 0) return undefined;
  const table = cidrTable(
    internalAddresses.map((range) => [range, true] as const),
    false,
  );
  return (address) => table.find(address) === true;
}
