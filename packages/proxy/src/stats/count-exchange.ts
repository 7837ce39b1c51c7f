import { countCode, record } from '@meltemi/runtime';
import type { Exchange } from '../http/exchange.ts';
import { flagBit } from '../types.ts';

const GONE = flagBit('DC') | flagBit('DR');
const DPE = flagBit('DPE');
const NO_ROUTE = flagBit('NR');
const NO_CLUSTER = flagBit('NC');
const DC = flagBit('DC');
const DROPPED = flagBit('DO') | flagBit('UDO');

const CLASSES = [undefined, 'rq1xx', 'rq2xx', 'rq3xx', 'rq4xx', 'rq5xx'] as const;

/** A request has come. */
export function countRequest({ plan: { counts }, downstream }: Exchange): void {
  counts.rqTotal++;
  counts.rqActive++;
  if (downstream.protocol === 'http2') counts.rqHttp2++;
  else counts.rqHttp1++;
}

/** The exchange is over; its record says what became of it. */
export function countExchange(x: Exchange): void {
  const { plan, info } = x;
  const { counts, classes } = plan;
  counts.rqActive--;
  counts.cxRxBytes += info.requestHeadBytes + info.bytesReceived;
  counts.cxTxBytes += info.responseHeadBytes + info.bytesSent;
  const { responseCode } = info;
  // Nothing was answered to who has gone before.
  if (responseCode > 0) {
    const kind = CLASSES[(responseCode / 100) | 0];
    counts.rqCompleted++;
    classes.rqCompleted++;
    if (kind !== undefined) {
      counts[kind]++;
      classes[kind]++;
    }
    if (responseCode === 413) counts.rqTooLarge++;
    record(counts.rqTime, info.endMs - info.startMs);
  }
  if (info.responseCodeDetails !== 'via_upstream') countOwn(x);
  if (x.cluster !== undefined) countUpstream(x);
}

/** What the proxy itself has said or done. */
function countOwn({ plan: { counts }, info }: Exchange): void {
  const { flags } = info;
  if ((flags & NO_ROUTE) !== 0) counts.noRoute++;
  if ((flags & NO_CLUSTER) !== 0) counts.noCluster++;
  if ((flags & DPE) !== 0) counts.cxProtocolError++;
  if ((flags & GONE) !== 0) counts.rqRxReset++;
  if ((flags & DC) !== 0) {
    counts.cxDestroyBusy++;
    counts.cxDestroyRemoteBusy++;
  }
  switch (info.responseCodeDetails) {
    case 'direct_response':
      counts.direct++;
      break;
    case 'request_overall_timeout':
      counts.rqTimeout++;
      break;
    case 'request_header_timeout':
      counts.rqHeaderTimeout++;
      break;
    case 'stream_idle_timeout':
      counts.rqIdleTimeout++;
      break;
    case 'max_duration_timeout':
      counts.rqMaxDuration++;
      break;
    case 'upgrade_failed':
      counts.rqNoUpgrade++;
      break;
    case 'path_normalization_failed':
      counts.rqBadPath++;
      break;
    default:
  }
}

/** The answer as the router gave it, its own or the upstream's. */
function countUpstream({ cluster, info, internal, host, requestComplete }: Exchange): void {
  if (cluster === undefined || info.responseCode === 0 || (info.attempts === 0 && (info.flags & DROPPED) === 0)) return;
  const { counts } = cluster;
  const passedOn = info.upstreamEndMs > 0 && info.upstreamFirstByteMs > 0;
  if ((info.flags & GONE) !== 0 && !passedOn && info.upstreamFirstByteMs === 0) return;
  countCode(counts, 'codes', info.responseCode);
  countCode(counts, internal ? 'internalCodes' : 'externalCodes', info.responseCode);
  if (host !== undefined) host.counts[info.responseCode < 500 ? 'rqSuccess' : 'rqError']++;
  if (passedOn && requestComplete) record(counts.rqTime, info.upstreamEndMs - info.requestEndMs);
}
