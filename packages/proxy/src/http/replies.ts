import { localReply, type LocalReply } from './local-reply.ts';

/** The proxy's own answers, by cause. */
export const REPLIES = {
  badRequest: localReply(400, 'Bad Request', 'http1.codec_error', 'DPE'),
  headTooLarge: localReply(431, '', 'http1.headers_too_large', 'DPE'),
  pathRejected: localReply(400, 'Bad Request', 'path_normalization_failed', 'DPE'),
  lowVersion: localReply(426, '', 'low_version', 'DPE'),
  upgradeFailed: localReply(403, '', 'upgrade_failed'),
  routeNotFound: localReply(404, '', 'route_not_found', 'NR'),
  noRouteTable: localReply(404, '', 'route_configuration_not_found', 'NR'),
  bodyTooLarge: localReply(413, 'Payload Too Large', 'request_payload_too_large'),
  noAction: localReply(404, '', 'non_forwarding_action', 'NR'),
  noHost: localReply(503, 'no healthy upstream', 'no_healthy_upstream', 'UH'),
  dropped: localReply(503, 'drop overload', 'drop_overload', 'DO'),
  loop: localReply(502, '', 'internal_redirect_loop', 'NR'),
  routeTimeout: localReply(504, 'upstream request timeout', 'response_timeout', 'UT'),
  perTryTimeout: localReply(504, 'upstream request timeout', 'upstream_per_try_timeout', 'UT'),
  perTryIdleTimeout: localReply(504, 'upstream request timeout', 'upstream_per_try_idle_timeout', 'UT'),
  maxDuration: localReply(408, 'downstream duration timeout', 'max_duration_timeout', 'DT'),
  grpcDeadline: { ...localReply(408, 'downstream duration timeout', 'max_duration_timeout', 'DT'), grpcStatus: 4 },
  requestTimeout: localReply(408, 'request timeout', 'request_overall_timeout'),
  headTimeout: localReply(408, 'request header timeout', 'request_header_timeout'),
  idleRequest: localReply(408, 'stream timeout', 'stream_idle_timeout', 'SI'),
  idleResponse: localReply(504, 'stream timeout', 'stream_idle_timeout', 'SI'),
} as const satisfies Record<string, LocalReply>;

const RESET_TEXT = 'upstream connect error or disconnect/reset before headers. ';

/** Envoy's answer when an attempt ended without a response: `reason` in its words (`connection termination`). */
export function resetReply(reason: string, flag: 'UF' | 'UC' | 'UO' | 'UPE' | 'UR', transportFailure: string, retried: boolean): LocalReply {
  const status = flag === 'UPE' ? 502 : 503;
  const latest = retried ? 'retried and the latest reset reason: ' : 'reset reason: ';
  const failure = transportFailure === '' ? '' : `, transport failure reason: ${transportFailure}`;
  const failureDetails = transportFailure === '' ? '' : `|${transportFailure.replaceAll(' ', '_')}`;
  const reply = localReply(
    status,
    RESET_TEXT + latest + reason + failure,
    `upstream_reset_before_response_started{${reason.replaceAll(' ', '_')}${failureDetails}}`,
    flag,
  );
  return flag === 'UO' ? { ...reply, lines: 'x-envoy-overloaded: true\r\n' } : reply;
}
