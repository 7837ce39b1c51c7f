import type { WireError } from '@meltemi/wire';
import { localReply, type LocalReply } from './local-reply.ts';

/** The proxy's own answers, by cause. */
export const REPLIES = {
  badRequest: localReply(400, 'Bad Request', 'http1.codec_error', 'DPE'),
  headTooLarge: localReply(431, 'Request Header Fields Too Large', 'http1.headers_too_large', 'DPE'),
  tooManyHeaders: localReply(431, 'Request Header Fields Too Large', 'http1.too_many_headers', 'DPE'),
  underscore: localReply(400, 'Bad Request', 'http1.unexpected_underscore', 'DPE'),
  noHostName: localReply(400, '', 'missing_host_header'),
  pathRejected: localReply(400, '', 'path_normalization_failed'),
  noPath: localReply(404, '', 'absolute_path_rejected'),
  lowVersion: localReply(426, 'Upgrade Required', 'low_version', 'DPE'),
  upgradeFailed: localReply(403, '', 'upgrade_failed'),
  routeNotFound: localReply(404, '', 'route_not_found', 'NR'),
  noRouteTable: localReply(404, '', 'route_configuration_not_found', 'NR'),
  bodyTooLarge: localReply(413, 'Payload Too Large', 'request_payload_too_large'),
  outgrown: localReply(500, '', 'filter_made_request_too_large'),
  noAction: localReply(404, '', 'non_forwarding_action', 'NR'),
  noHost: localReply(503, 'no healthy upstream', 'no_healthy_upstream', 'UH'),
  DO: { ...localReply(503, 'drop overload', 'drop_overload', 'DO'), lines: 'x-envoy-drop-overload: true\r\n' },
  UDO: {
    ...localReply(503, 'unconditional drop overload', 'unconditional_drop_overload', 'UDO'),
    lines: 'x-envoy-unconditional-drop-overload: true\r\n',
  },
  routeTimeout: localReply(504, 'upstream request timeout', 'response_timeout', 'UT'),
  perTryTimeout: localReply(504, 'upstream request timeout', 'upstream_per_try_timeout', 'UT'),
  perTryIdleTimeout: localReply(504, 'upstream request timeout', 'upstream_per_try_idle_timeout', 'UT'),
  upstreamMaxDuration: localReply(504, 'upstream max stream duration reached', 'upstream_max_stream_duration_reached', 'UMSDR'),
  maxDuration: localReply(504, 'downstream duration timeout', 'max_duration_timeout'),
  maxDurationOfRequest: localReply(408, 'downstream duration timeout', 'max_duration_timeout'),
  grpcDeadline: { ...localReply(504, 'downstream duration timeout', 'max_duration_timeout'), grpcStatus: 4 },
  requestTimeout: localReply(408, 'request timeout', 'request_overall_timeout'),
  headTimeout: localReply(408, 'request header timeout', 'request_header_timeout'),
  idleRequest: localReply(408, 'stream timeout', 'stream_idle_timeout', 'SI'),
  idleResponse: localReply(504, 'stream timeout', 'stream_idle_timeout', 'SI'),
  deniedDestination: localReply(403, 'the destination is denied', 'destination_denied'),
  overload: localReply(503, 'envoy overloaded', 'overload', 'OM'),
  shuttingDown: localReply(503, 'the proxy is shutting down', 'drain_time_expired'),
} as const satisfies Record<string, LocalReply>;

const REFUSALS: Partial<Readonly<Record<WireError, LocalReply>>> = {
  'head-too-large': REPLIES.headTooLarge,
  'too-many-headers': REPLIES.tooManyHeaders,
  'no-host': REPLIES.noHostName,
  'bad-host': localReply(400, 'Bad Request', 'http.invalid_authority', 'DPE'),
  'length-and-encoding': localReply(400, 'Bad Request', 'http1.content_length_and_chunked_not_allowed', 'DPE'),
  'bad-encoding': localReply(501, 'Not Implemented', 'http1.invalid_transfer_encoding', 'DPE'),
  'bad-connection': localReply(400, 'Bad Request', 'http1.connection_header_rejected', 'DPE'),
};

/** The answer to a head that could not be read. */
export function refusalOf(error: WireError): LocalReply {
  return REFUSALS[error] ?? REPLIES.badRequest;
}

const RESET_TEXT = 'upstream connect error or disconnect/reset before headers. ';

/**
 * Envoy's answer when an attempt ended without a response: `reason` in its words (`connection termination`). What the transport said is
 * for the log, not for the client.
 */
export function resetReply(reason: string, flag: 'UF' | 'UC' | 'UO' | 'UPE' | 'UR', transportFailure: string, retried: boolean): LocalReply {
  const status = flag === 'UPE' ? 502 : 503;
  const latest = retried ? 'retried and the latest reset reason: ' : 'reset reason: ';
  const failureDetails = transportFailure === '' ? '' : `|${transportFailure.replaceAll(' ', '_')}`;
  const reply = localReply(
    status,
    RESET_TEXT + latest + reason,
    `upstream_reset_before_response_started{${reason.replaceAll(' ', '_')}${failureDetails}}`,
    flag,
  );
  return flag === 'UO' ? { ...reply, lines: 'x-envoy-overloaded: true\r\n' } : reply;
}
