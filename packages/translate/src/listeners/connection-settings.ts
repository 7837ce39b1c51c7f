import type { ProxySettings } from '@meltemi/api';
import type { MeshConfig } from '@meltemi/model';
import { PRESERVE_CASE, type HttpConnectionManager } from '@meltemi/protos-types';
import { defined } from '../common/defined.ts';
import { durationOf } from '../common/duration.ts';
import type { FilterPlace } from '../http-filters/define.ts';

type Settings = NonNullable<ProxySettings['connectionSettings']>;

/** Istio's profile for gateways that face the internet. */
const EDGE: Settings = {
  httpIdleTimeout: '1h',
  httpStreamIdleTimeout: '5m',
  httpRequestTimeout: '5m',
  httpRequestHeadersTimeout: '60s',
  httpMaxConcurrentStreams: 100,
  http2InitialStreamWindowSize: 65_536,
  http2InitialConnectionWindowSize: 1_048_576,
  httpHeadersWithUnderscoresAction: 'HEADERS_WITH_UNDERSCORES_REJECT_REQUEST',
  httpMergeSlashes: true,
  httpPathWithEscapedSlashesAction: 'UNESCAPE_AND_REDIRECT',
};

const UNDERSCORES = {
  HEADERS_WITH_UNDERSCORES_UNSPECIFIED: undefined,
  HEADERS_WITH_UNDERSCORES_ALLOW: 'ALLOW',
  HEADERS_WITH_UNDERSCORES_REJECT_REQUEST: 'REJECT_REQUEST',
  HEADERS_WITH_UNDERSCORES_DROP_HEADER: 'DROP_HEADER',
} as const;

/** What the mesh says of connections that come in; it stands over what proxies do by themselves. */
export function connectionSettings({ connections, preserveHeaderCase }: MeshConfig, place: FilterPlace['place']): HttpConnectionManager {
  const settings: Settings = { ...(connections?.profile === 'EDGE' && place === 'gateway' ? EDGE : {}), ...connections };
  const escaped = settings.httpPathWithEscapedSlashesAction;
  return defined({
    stream_idle_timeout: durationOf(settings.httpStreamIdleTimeout),
    request_timeout: durationOf(settings.httpRequestTimeout),
    request_headers_timeout: durationOf(settings.httpRequestHeadersTimeout),
    merge_slashes: settings.httpMergeSlashes,
    path_with_escaped_slashes_action: escaped === 'PATH_WITH_ESCAPED_SLASHES_UNSPECIFIED' ? undefined : escaped,
    common_http_protocol_options: unlessEmpty(commonOptions(settings)),
    http2_protocol_options: unlessEmpty(http2Options(settings)),
    http_protocol_options: preserveHeaderCase ? { header_key_format: PRESERVE_CASE } : undefined,
  });
}

function commonOptions(settings: Settings): NonNullable<HttpConnectionManager['common_http_protocol_options']> {
  return defined({
    idle_timeout: durationOf(settings.httpIdleTimeout),
    max_connection_duration: durationOf(settings.httpMaxConnectionDuration),
    max_stream_duration: durationOf(settings.httpMaxStreamDuration),
    headers_with_underscores_action: UNDERSCORES[settings.httpHeadersWithUnderscoresAction ?? 'HEADERS_WITH_UNDERSCORES_UNSPECIFIED'],
  });
}

function http2Options(settings: Settings): NonNullable<HttpConnectionManager['http2_protocol_options']> {
  return defined({
    max_concurrent_streams: settings.httpMaxConcurrentStreams,
    initial_stream_window_size: settings.http2InitialStreamWindowSize,
    initial_connection_window_size: settings.http2InitialConnectionWindowSize,
  });
}

function unlessEmpty<T extends object>(object: T): T | undefined {
  return Object.keys(object).length === 0 ? undefined : object;
}
