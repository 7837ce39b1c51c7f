import { decodeFraction } from '../decode/common.ts';
import type { Reader } from '../decode/reader.ts';
import { defineFilter, mostSpecific, type FilterKind } from './define.ts';
import type { FilterContext, FilterVerdict } from './types.ts';

/** The fault filter, or one route's setting of it. Shares are 0..1. */
export interface FaultConfig {
  readonly delay?: { readonly fixedMs: number; readonly fraction: number };
  readonly abort?: { readonly status: number; readonly grpcStatus?: number; readonly fraction: number };
  /** Infinity = no limit. */
  readonly maxActiveFaults: number;
}

const TYPE = 'envoy.extensions.filters.http.fault.v3.HTTPFault';

/** Delays and aborts a share of the requests (`envoy.filters.http.fault`). A route's own setting replaces the chain's. */
export const faultFilter: FilterKind = defineFilter<FaultConfig, FaultConfig>({
  t: 'fault',
  types: [TYPE],
  overrideTypes: [TYPE],
  decode: decodeFault,
  decodeOverride: decodeFault,
  compile(own, site) {
    const config = mostSpecific(own, site);
    if (config.delay === undefined && config.abort === undefined) return undefined;
    return { decide: (context) => decideFault(config, context) };
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
  const max = reader.has('max_active_faults') ? reader.number('max_active_faults', 0) : Infinity;
  return {
    ...(delay === undefined ? {} : { delay: { fixedMs: delay.duration('fixed_delay', 0), fraction: share(delay) } }),
    ...(abort === undefined ? {} : { abort: decodeAbort(abort) }),
    maxActiveFaults: max,
  };
}

function decodeAbort(reader: Reader): NonNullable<FaultConfig['abort']> {
  const fraction = share(reader);
  if (reader.has('grpc_status')) return { status: 200, grpcStatus: reader.number('grpc_status', 2), fraction };
  const status = reader.number('http_status', 0);
  reader.require('http_status', status >= 200 && status < 600, `${status} is no status between 200 and 599`);
  return { status, fraction };
}

/** An absent percentage hits no request, as in Envoy. */
function share(reader: Reader): number {
  const percentage = reader.message('percentage');
  return percentage === undefined ? 0 : decodeFraction(percentage);
}

function decideFault(config: FaultConfig, { thread }: FilterContext): FilterVerdict | undefined {
  if (thread.activeFaults >= config.maxActiveFaults) return undefined;
  const delayed = config.delay !== undefined && hit(config.delay.fraction, thread);
  const aborted = config.abort !== undefined && hit(config.abort.fraction, thread);
  if (!delayed && !aborted) return undefined;
  return {
    fault: true,
    ...(delayed ? { delayMs: config.delay.fixedMs } : {}),
    ...(aborted
      ? {
          reply: {
            status: config.abort.status,
            body: 'fault filter abort',
            flag: 'FI',
            details: 'fault_filter_abort',
            ...(config.abort.grpcStatus === undefined ? {} : { grpcStatus: config.abort.grpcStatus }),
          },
        }
      : {}),
  };
}

function hit(fraction: number, thread: FilterContext['thread']): boolean {
  return fraction > 0 && (fraction >= 1 || thread.random() < fraction);
}
