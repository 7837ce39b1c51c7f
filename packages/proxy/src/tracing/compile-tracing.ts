import type { HttpTracing, RouteTracing } from '@meltemi/runtime';
import { compileTag, requestHeader, type CaptureList } from '../access-log/operators.ts';
import type { Getter } from '../access-log/stream-operators.ts';
import { formatFlags, type StreamInfo } from '../types.ts';
import type { CompiledTracing, RouteTag } from './types.ts';

/** Compiles a connection manager's tracing; adds the headers that its tags need to `capture`. */
export function compileTracing(config: HttpTracing, egress: boolean, capture: CaptureList): CompiledTracing {
  const { provider } = config;
  // Without somebody to tell there is nothing to remember for it.
  if (provider === undefined) return { config, provider, key: '', egress, tags: () => new Map(), addCustomTags() {} };
  return { config, provider, key: JSON.stringify(provider), egress, ...compileTags(config, capture) };
}

function compileTags(config: HttpTracing, capture: CaptureList): Pick<CompiledTracing, 'tags' | 'addCustomTags'> {
  const own = config.customTags.map((tag) => [tag.tag, compileTag(tag, capture)] as const);
  const headers = {
    clientTraceId: requestHeader('x-client-trace-id', capture),
    downstreamCluster: requestHeader('x-envoy-downstream-service-cluster', capture),
    scheme: requestHeader('x-forwarded-proto', capture),
    contentType: requestHeader('content-type', capture),
    grpcTimeout: requestHeader('grpc-timeout', capture),
  };
  return {
    tags: (info) => requestTags(info, headers, config.maxPathTagLength),
    addCustomTags(info, tags) {
      for (const [tag, read] of own) {
        const value = read(info);
        if (value !== undefined) tags.set(tag, value);
      }
    },
  };
}

/** Nothing is remembered: what looks at headers is asked while they are at hand. */
const NOTHING_KEPT: CaptureList = { request: [], response: [], trailers: [] };

/** The tags of a route, of a request whose headers `header` reads. A value that is not there yet is read when the span ends. */
export function routeTags(route: RouteTracing | undefined, header: (name: string) => string | undefined): readonly RouteTag[] {
  if (route === undefined || route.customTags.length === 0) return NO_TAGS;
  return route.customTags.map((tag): RouteTag => {
    const { source } = tag;
    if (source.t !== 'header') return [tag.tag, compileTag(tag, NOTHING_KEPT)];
    const value = header(source.name) ?? source.otherwise;
    return [tag.tag, () => (value === '' ? undefined : value)];
  });
}

const NO_TAGS: readonly RouteTag[] = [];

interface TagHeaders {
  readonly clientTraceId: Getter;
  readonly downstreamCluster: Getter;
  readonly scheme: Getter;
  readonly contentType: Getter;
  readonly grpcTimeout: Getter;
}

function requestTags(info: StreamInfo, headers: TagHeaders, maxPath: number): Map<string, string> {
  const text = (read: Getter): string => String(read(info) ?? '');
  const tags = new Map<string, string>();
  if (info.requestId !== '') tags.set('guid:x-request-id', info.requestId);
  const scheme = text(headers.scheme);
  const path = info.rewrittenFrom === '' ? info.path : info.rewrittenFrom;
  const proto = scheme === '' ? (info.connection.tls === undefined ? 'http' : 'https') : scheme;
  tags.set('http.url', `${proto}://${info.authority}${path.slice(0, maxPath)}`);
  tags.set('http.method', info.method);
  tags.set('downstream_cluster', text(headers.downstreamCluster) || '-');
  tags.set('user_agent', info.userAgent === '' ? '-' : info.userAgent);
  tags.set('http.protocol', info.httpVersion);
  tags.set('peer.address', info.connection.directAddress);
  const clientTraceId = text(headers.clientTraceId);
  if (clientTraceId !== '') tags.set('guid:x-client-trace-id', clientTraceId);
  if (info.grpc) grpcTags(tags, info, headers);
  tags.set('request_size', String(info.bytesReceived));
  tags.set('response_size', String(info.bytesSent));
  commonTags(tags, info);
  return tags;
}

function grpcTags(tags: Map<string, string>, info: StreamInfo, headers: TagHeaders): void {
  tags.set('grpc.path', info.path);
  tags.set('grpc.authority', info.authority);
  tags.set('grpc.content_type', String(headers.contentType(info) ?? ''));
  const timeout = headers.grpcTimeout(info);
  if (timeout !== undefined) tags.set('grpc.timeout', String(timeout));
  if (info.grpcStatus !== '') tags.set('grpc.status_code', info.grpcStatus);
}

/** What requests and attempts tell alike. */
export function commonTags(tags: Map<string, string>, info: StreamInfo): void {
  tags.set('component', 'proxy');
  if (info.cluster !== undefined) {
    tags.set('upstream_cluster', info.clusterName);
    tags.set('upstream_cluster.name', info.clusterName);
  }
  tags.set('http.status_code', String(info.responseCode));
  tags.set('response_flags', formatFlags(info.flags, true));
  if (info.responseCode === 0 || info.responseCode >= 500) tags.set('error', 'true');
}
