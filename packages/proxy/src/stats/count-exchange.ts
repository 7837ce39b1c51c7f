import { countCode, record } from '@meltemi/runtime';
import type { Exchange } from '../http/exchange.ts';
import { flagBit, type StreamInfo } from '../types.ts';

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
  const reason = REASONS.get(info.responseCodeDetails);
  if (reason !== undefined) counts[reason]++;
}

/** What is counted of an answer by its details. */
const REASONS: ReadonlyMap<string, Reason> = new Map<string, Reason>([
  ['direct_response', 'direct'],
  ['overload', 'rqOverload'],
  ['request_overall_timeout', 'rqTimeout'],
  ['request_header_timeout', 'rqHeaderTimeout'],
  ['stream_idle_timeout', 'rqIdleTimeout'],
  ['max_duration_timeout', 'rqMaxDuration'],
  ['upgrade_failed', 'rqNoUpgrade'],
  ['path_normalization_failed', 'rqBadPath'],
]);
type Reason = 'direct' | 'rqOverload' | 'rqTimeout' | 'rqHeaderTimeout' | 'rqIdleTimeout' | 'rqMaxDuration' | 'rqNoUpgrade' | 'rqBadPath';

/** A request goes to a host. */
export function countAttempt({ cluster, host }: Exchange): void {
  if (cluster !== undefined) cluster.counts.rqTotal++;
  if (host !== undefined) host.counts.rqTotal++;
}

/** The answer as the router gave it, its own or the upstream's. */
function countUpstream({ cluster, info, internal, host, requestComplete }: Exchange): void {
  if (cluster === undefined || !isAnswered(info)) return;
  const { counts } = cluster;
  const { responseCode } = info;
  countCode(counts, 'codes', responseCode);
  countCode(counts, internal ? 'internalCodes' : 'externalCodes', responseCode);
  if (host !== undefined) host.counts[responseCode < 500 ? 'rqSuccess' : 'rqError']++;
  if (info.upstreamEndMs > 0 && info.upstreamFirstByteMs > 0 && requestComplete) record(counts.rqTime, info.upstreamEndMs - info.requestEndMs);
}

/** Has the router answered, with what an upstream said or because it got nothing from there? Nobody is answered who has gone before. */
function isAnswered({ responseCode, attempts, flags, upstreamFirstByteMs }: StreamInfo): boolean {
  if (responseCode === 0 || (attempts === 0 && (flags & DROPPED) === 0)) return false;
  return (flags & GONE) === 0 || upstreamFirstByteMs > 0;
}
