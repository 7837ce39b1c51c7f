import type { MeshConfig } from '@meltemi/model';
import {
  ANY_TYPE,
  EXTENSION_NAME,
  packAny,
  type AccessLog,
  type CommonGrpcAccessLogConfig,
  type CustomTag,
  type JsonObject,
} from '@meltemi/protos-types';
import { asLine, providerLog, serviceLog } from './log-providers.ts';
import { AGENT_CLUSTER } from './names.ts';

/** Istio's default text format. */
const TEXT_FORMAT = [
  '[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%',
  '%CONNECTION_TERMINATION_DETAILS% "%UPSTREAM_TRANSPORT_FAILURE_REASON%" %BYTES_RECEIVED% %BYTES_SENT% %DURATION%',
  '%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%" "%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%"',
  '"%UPSTREAM_HOST%" %UPSTREAM_CLUSTER_RAW% %UPSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS%',
  '%REQUESTED_SERVER_NAME% %ROUTE_NAME%\n',
].join(' ');

/** Istio's keys of the JSON format. */
const JSON_FORMAT: JsonObject = {
  start_time: '%START_TIME%',
  route_name: '%ROUTE_NAME%',
  method: '%REQ(:METHOD)%',
  path: '%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%',
  protocol: '%PROTOCOL%',
  response_code: '%RESPONSE_CODE%',
  response_flags: '%RESPONSE_FLAGS%',
  response_code_details: '%RESPONSE_CODE_DETAILS%',
  connection_termination_details: '%CONNECTION_TERMINATION_DETAILS%',
  bytes_received: '%BYTES_RECEIVED%',
  bytes_sent: '%BYTES_SENT%',
  duration: '%DURATION%',
  upstream_service_time: '%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%',
  x_forwarded_for: '%REQ(X-FORWARDED-FOR)%',
  user_agent: '%REQ(USER-AGENT)%',
  request_id: '%REQ(X-REQUEST-ID)%',
  authority: '%REQ(:AUTHORITY)%',
  upstream_host: '%UPSTREAM_HOST%',
  upstream_cluster: '%UPSTREAM_CLUSTER_RAW%',
  upstream_local_address: '%UPSTREAM_LOCAL_ADDRESS%',
  downstream_local_address: '%DOWNSTREAM_LOCAL_ADDRESS%',
  downstream_remote_address: '%DOWNSTREAM_REMOTE_ADDRESS%',
  requested_server_name: '%REQUESTED_SERVER_NAME%',
  upstream_transport_failure_reason: '%UPSTREAM_TRANSPORT_FAILURE_REASON%',
};

/** Headers that the agent reads from Envoy's log entries to make metrics and spans. */
const LOGGED_HEADERS: readonly string[] = [
  ':scheme',
  'traceparent',
  'tracestate',
  'b3',
  'x-b3-traceid',
  'x-b3-spanid',
  'x-b3-parentspanid',
  'x-b3-sampled',
  'x-request-id',
  'x-forwarded-for',
  'content-type',
  'x-envoy-attempt-count',
  'x-envoy-decorator-operation',
];

export interface AccessLogPlace {
  readonly kind: 'http' | 'tcp';
  readonly direction: 'inbound' | 'outbound';
  readonly dataPlane: 'embedded' | 'envoy';
}

/**
 * The access logs of a filter: where the mesh's providers have them, else text or JSON into the mesh's file; and on Envoy the agent's access-log service, from which our metrics and spans come.
 * Its log name tells the reporter: `meltemi-inbound` or `meltemi-outbound`.
 */
export function accessLogs(mesh: MeshConfig, place: AccessLogPlace): readonly AccessLog[] {
  const { logs, accessLogService } = mesh.telemetry;
  const usual = { text: mesh.accessLogFormat === '' || mesh.accessLogEncoding === 'JSON' ? TEXT_FORMAT : asLine(mesh.accessLogFormat) };
  return [
    ...(logs === undefined ? fileLog(mesh) : logs.map((provider) => providerLog(provider, place.kind, usual)).filter((log) => log !== undefined)),
    ...(accessLogService === undefined ? [] : [serviceLog(accessLogService, place.kind)]),
    ...(place.dataPlane === 'envoy' ? [agentLog(place)] : []),
  ];
}

function fileLog(mesh: MeshConfig): readonly AccessLog[] {
  if (mesh.accessLogFile === '') return [];
  const custom = mesh.accessLogFormat;
  const log_format =
    mesh.accessLogEncoding === 'JSON'
      ? { json_format: custom === '' ? JSON_FORMAT : (JSON.parse(custom) as JsonObject) }
      : { text_format_source: { inline_string: custom === '' ? TEXT_FORMAT : asLine(custom) } };
  // A file named /dev/stdout cannot be opened when it is a socket, which is what a supervisor's pipe may be.
  if (mesh.accessLogFile === '/dev/stdout')
    return [{ name: EXTENSION_NAME.stdoutAccessLog, typed_config: packAny(ANY_TYPE.stdoutAccessLog, { log_format }) }];
  return [{ name: EXTENSION_NAME.fileAccessLog, typed_config: packAny(ANY_TYPE.fileAccessLog, { path: mesh.accessLogFile, log_format }) }];
}

/** The agent asks whether a request was refused because nobody knows its host: routes of others may have that route's name. */
const VIRTUAL_HOST: readonly CustomTag[] = [
  { tag: 'virtual_host', metadata: { kind: { route: {} }, metadata_key: { key: 'meltemi.io', path: [{ key: 'virtual_host' }] } } },
];

function agentLog({ kind, direction }: AccessLogPlace): AccessLog {
  const common_config: CommonGrpcAccessLogConfig = {
    log_name: `meltemi-${direction}`,
    grpc_service: { envoy_grpc: { cluster_name: AGENT_CLUSTER } },
    transport_api_version: 'V3',
    buffer_flush_interval: '0.5s',
  };
  if (kind === 'tcp') return { name: EXTENSION_NAME.tcpGrpcAccessLog, typed_config: packAny(ANY_TYPE.tcpGrpcAccessLog, { common_config }) };
  return {
    name: EXTENSION_NAME.httpGrpcAccessLog,
    typed_config: packAny(ANY_TYPE.httpGrpcAccessLog, {
      common_config: direction === 'outbound' ? { ...common_config, custom_tags: VIRTUAL_HOST } : common_config,
      additional_request_headers_to_log: LOGGED_HEADERS,
      additional_response_headers_to_log: ['grpc-status', 'content-type'],
      additional_response_trailers_to_log: ['grpc-status'],
    }),
  };
}
