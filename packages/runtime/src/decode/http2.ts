import type { Http2Keepalive, Http2Options } from '../types/http2.ts';
import type { Reader } from './reader.ts';

const MAX_31 = 0x7fffffff;
const MIN_WINDOW = 65_535;

/**
 * What is in force when nothing is said. The windows are smaller than Envoy's (16 and 24 MiB): a peer may fill them while the other side
 * stalls, so that they bound what a connection can hold.
 */
const DEFAULT_HTTP2: Http2Options = {
  headerTableSize: 4096,
  maxConcurrentStreams: 1024,
  streamWindow: 512 * 1024,
  connectionWindow: 8 * 1024 * 1024,
  allowConnect: false,
  maxOutboundControlFrames: 1000,
  maxEmptyFrames: 1,
  maxPriorityFramesPerStream: 100,
  maxWindowUpdatesPerDataFrame: 10,
};

export function decodeHttp2(reader: Reader | undefined): Http2Options {
  if (reader === undefined) return DEFAULT_HTTP2;
  // An invalid message ends its stream always, whatever else the connection carries. There is one codec.
  reader.harmless('stream_error_on_invalid_http_messaging', 'override_stream_error_on_invalid_http_message', 'use_oghttp2_codec');
  // Frames that the peer does not take wait as payload in their streams, within the windows: there is nothing to count.
  reader.harmless('max_outbound_frames');
  reader.require('allow_metadata', !reader.bool('allow_metadata'), 'METADATA frames are not supported by this proxy');
  reader.require(
    'custom_settings_parameters',
    reader.messages('custom_settings_parameters').length === 0,
    'settings of your own are not supported by this proxy',
  );
  const keepalive = reader.message('connection_keepalive');
  return {
    headerTableSize: reader.number('hpack_table_size', DEFAULT_HTTP2.headerTableSize),
    maxConcurrentStreams: within(reader, 'max_concurrent_streams', { from: 1, fallback: DEFAULT_HTTP2.maxConcurrentStreams }),
    streamWindow: within(reader, 'initial_stream_window_size', { from: MIN_WINDOW, fallback: DEFAULT_HTTP2.streamWindow }),
    connectionWindow: within(reader, 'initial_connection_window_size', { from: MIN_WINDOW, fallback: DEFAULT_HTTP2.connectionWindow }),
    allowConnect: reader.bool('allow_connect'),
    maxOutboundControlFrames: within(reader, 'max_outbound_control_frames', { from: 1, fallback: DEFAULT_HTTP2.maxOutboundControlFrames }),
    maxEmptyFrames: reader.number('max_consecutive_inbound_frames_with_empty_payload', DEFAULT_HTTP2.maxEmptyFrames),
    maxPriorityFramesPerStream: reader.number('max_inbound_priority_frames_per_stream', DEFAULT_HTTP2.maxPriorityFramesPerStream),
    maxWindowUpdatesPerDataFrame: within(reader, 'max_inbound_window_update_frames_per_data_frame_sent', {
      from: 1,
      fallback: DEFAULT_HTTP2.maxWindowUpdatesPerDataFrame,
    }),
    ...(keepalive === undefined ? {} : { keepalive: decodeKeepalive(keepalive) }),
  };
}

function within(reader: Reader, field: string, { from, fallback }: { readonly from: number; readonly fallback: number }): number {
  const value = reader.number(field, fallback);
  reader.require(field, value >= from && value <= MAX_31, `${value} is not between ${from} and ${MAX_31}`);
  return value;
}

function decodeKeepalive(reader: Reader): Http2Keepalive {
  const jitter = reader.message('interval_jitter');
  reader.require('timeout', reader.has('timeout'), 'missing');
  return {
    intervalMs: reader.duration('interval', 0),
    timeoutMs: reader.duration('timeout', 0),
    jitter: (jitter === undefined ? 15 : jitter.number('value', 0)) / 100,
    idleIntervalMs: reader.duration('connection_idle_interval', 0),
  };
}
