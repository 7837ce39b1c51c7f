import type { HttpFault, HttpRoute } from '@meltemi/api';
import { GRPC_STATUSES } from '@meltemi/match';
import { ANY_TYPE, EXTENSION_NAME, packAny, type FaultAbort, type FaultDelay } from '@meltemi/protos-types';
import { durationOf } from '../common/duration.ts';
import { millionths } from '../routes/percent.ts';
import type { HttpFilterDefinition } from './define.ts';

/** Delays and aborts, where a route asks for them; on its own the filter lets everything pass. Faults are made where calls go out. */
export const faultFilter: HttpFilterDefinition = {
  name: EXTENSION_NAME.fault,
  applies: ({ place }) => place !== 'sidecar-inbound',
  build: () => ({ name: EXTENSION_NAME.fault, typed_config: packAny(ANY_TYPE.fault, {}) }),
  perRoute: ({ fault }: HttpRoute) => {
    const delay = delayOf(fault?.delay);
    const abort = abortOf(fault?.abort);
    if (delay === undefined && abort === undefined) return undefined;
    return packAny(ANY_TYPE.fault, { ...(delay === undefined ? {} : { delay }), ...(abort === undefined ? {} : { abort }) });
  },
};

function delayOf(delay: HttpFault['delay']): FaultDelay | undefined {
  const fixed = durationOf(delay?.fixedDelay);
  if (delay === undefined || fixed === undefined) return undefined;
  return { fixed_delay: fixed, percentage: share(delay.percentage?.value ?? delay.percent) };
}

function abortOf(abort: HttpFault['abort']): FaultAbort | undefined {
  if (abort === undefined) return undefined;
  const percentage = share(abort.percentage?.value);
  if (abort.grpcStatus !== undefined) return { grpc_status: Math.max(0, GRPC_STATUSES.indexOf(abort.grpcStatus)), percentage };
  return abort.httpStatus === undefined ? undefined : { http_status: abort.httpStatus, percentage };
}

/** Without a percentage no request is hit. */
function share(percent: number | undefined) {
  return millionths(percent ?? 0);
}
