import type { CompiledChain } from '@meltemi/runtime';
import type { ConnectionInfo, StreamInfo } from '../types.ts';

const NOTHING: readonly undefined[] = [];

/** The connection that a stream came on. */
export interface StreamOrigin {
  readonly chain: CompiledChain;
  readonly connection: ConnectionInfo;
}

/** A fresh record; all fields at once, so that every record has the same shape. */
export function createStreamInfo(protocol: 'http' | 'tcp', on: StreamOrigin, startTimeMs: number, startMs: number): StreamInfo {
  const { chain, connection } = on;
  return {
    protocol,
    startTimeMs,
    startMs,
    connection,
    chain,
    route: undefined,
    cluster: undefined,
    host: undefined,
    routeName: '',
    virtualHost: '',
    clusterName: '',
    httpVersion: '',
    method: '',
    originalPath: '',
    rewrittenFrom: '',
    path: '',
    authority: '',
    requestId: '',
    userAgent: '',
    forwardedFor: '',
    capturedRequest: NOTHING,
    capturedResponse: NOTHING,
    capturedTrailers: NOTHING,
    logType: protocol === 'http' ? 'DownstreamEnd' : 'TcpConnectionEnd',
    grpc: false,
    grpcStatus: '',
    responseCode: 0,
    responseCodeDetails: '',
    flags: 0,
    connectionTerminationDetails: '',
    upstreamTransportFailureReason: '',
    attempts: 0,
    bytesReceived: 0,
    bytesSent: 0,
    requestHeadBytes: 0,
    responseHeadBytes: 0,
    upstreamHeadBytes: 0,
    upstreamResponseHeadBytes: 0,
    requestEndMs: 0,
    attemptStartMs: 0,
    upstreamStartMs: 0,
    upstreamFirstByteMs: 0,
    upstreamEndMs: 0,
    endMs: 0,
    upstreamProtocol: '',
    upstreamRemote: '',
    hostsBefore: undefined,
    upstreamLocal: '',
    upstreamTls: undefined,
    trace: undefined,
    dynamicMetadata: undefined,
  };
}

/** `x-envoy-upstream-service-time`: whole milliseconds from sending the request to the response's head; -1 = no response came. */
export function upstreamServiceMs(info: StreamInfo): number {
  return info.upstreamFirstByteMs === 0 ? -1 : Math.max(0, Math.floor(info.upstreamFirstByteMs - info.upstreamStartMs));
}
