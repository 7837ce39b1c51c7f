import { record, type CompiledCluster, type Host } from '@meltemi/runtime';

/** How a connection to an upstream came to its end. */
export interface ConnectionEnd {
  /** Why it never stood; 'timeout' when it took too long. */
  readonly failure: string | undefined;
  readonly established: boolean;
  /** The peer ended it. */
  readonly remote: boolean;
  /** It carried a request. */
  readonly busy: boolean;
  readonly lengthMs: number;
}

/** A connection to an upstream is being made. */
export function countOpened({ counts }: CompiledCluster, host: Host, protocol?: 'cxHttp1' | 'cxHttp2'): void {
  counts.cxTotal++;
  if (protocol !== undefined) counts[protocol]++;
  host.counts.cxTotal++;
}

/** It is over, or never stood. */
export function countClosed({ counts }: CompiledCluster, host: Host, { failure, established, remote, busy, lengthMs }: ConnectionEnd): void {
  counts.cxDestroy++;
  if (remote) counts.cxDestroyRemote++;
  else counts.cxDestroyLocal++;
  if (busy) {
    counts.cxDestroyBusy++;
    if (remote) counts.cxDestroyRemoteBusy++;
    else counts.cxDestroyLocalBusy++;
  }
  if (established) {
    record(counts.cxLength, lengthMs);
    return;
  }
  counts.cxConnectFail++;
  host.counts.cxConnectFail++;
  if (failure === 'timeout') counts.cxConnectTimeout++;
}
