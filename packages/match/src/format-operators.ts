/** Whether an operator takes an argument in parentheses; a function says what is wrong with it. */
type ArgumentRule = 'none' | 'optional' | 'required' | ((argument: string) => string | undefined);

const among =
  (...values: readonly string[]): ArgumentRule =>
  (argument) =>
    argument === '' || values.includes(argument) ? undefined : `may be ${values.join(', ')}`;

/** Bits of an address that are kept. */
const mask: ArgumentRule = (argument) =>
  argument === '' || (/^\d{1,3}$/.test(argument) && Number(argument) <= 128) ? undefined : 'may be a prefix length, 0 to 128';

/** Moments that the data plane notes. */
const MOMENTS = ['DS_RX_BEG', 'DS_RX_END', 'US_TX_BEG', 'US_TX_END', 'US_RX_BEG', 'US_RX_END', 'DS_TX_BEG', 'DS_TX_END'];

const duration: ArgumentRule = (argument) => {
  const [start = '', end = '', precision = ''] = argument.split(':');
  const known = MOMENTS.includes(start) && MOMENTS.includes(end) && ['ms', 'us', 'ns'].includes(precision);
  return known && argument.split(':').length === 3 ? undefined : `must be start:end:precision, of ${MOMENTS.join(', ')} and ms, us, ns`;
};

const serverName: ArgumentRule = (argument) => {
  const [how = '', whose = '', ...more] = argument.split(':');
  const known = ['', 'SNI_ONLY', 'SNI_FIRST', 'HOST_FIRST'].includes(how) && ['', 'ORIG', 'HOST', 'ORIG_OR_HOST'].includes(whose);
  return known && more.length === 0 ? undefined : 'may be SNI_ONLY, SNI_FIRST or HOST_FIRST, with :ORIG, :HOST or :ORIG_OR_HOST behind it';
};

const path: ArgumentRule = (argument) => {
  const [query = '', whose = '', ...more] = argument.split(':');
  const known = ['', 'WQ', 'NQ'].includes(query) && ['', 'ORIG', 'PATH', 'ORIG_OR_PATH'].includes(whose);
  return known && more.length === 0 ? undefined : 'may be WQ or NQ, with :ORIG, :PATH or :ORIG_OR_PATH behind it';
};

const metadata: ArgumentRule = (argument) =>
  argument.startsWith('DYNAMIC:') && argument.length > 8 ? undefined : 'must begin with DYNAMIC: here; other metadata is not kept by this proxy';

const RULES: Readonly<Record<string, ArgumentRule>> = {
  START_TIME: 'optional',
  START_TIME_LOCAL: 'optional',
  EMIT_TIME: 'optional',
  EMIT_TIME_LOCAL: 'optional',
  METHOD: 'none',
  PROTOCOL: 'none',
  UPSTREAM_PROTOCOL: 'none',
  RESPONSE_CODE: 'none',
  RESPONSE_CODE_DETAILS: among('ALLOW_WHITESPACES'),
  RESPONSE_FLAGS: 'none',
  RESPONSE_FLAGS_LONG: 'none',
  LOCAL_REPLY_BODY: 'none',
  CONNECTION_TERMINATION_DETAILS: 'none',
  UPSTREAM_TRANSPORT_FAILURE_REASON: 'none',
  BYTES_RECEIVED: 'none',
  BYTES_SENT: 'none',
  BYTES_RETRANSMITTED: 'none',
  PACKETS_RETRANSMITTED: 'none',
  REQUEST_HEADERS_BYTES: 'none',
  RESPONSE_HEADERS_BYTES: 'none',
  UPSTREAM_WIRE_BYTES_SENT: 'none',
  UPSTREAM_WIRE_BYTES_RECEIVED: 'none',
  UPSTREAM_HEADER_BYTES_SENT: 'none',
  UPSTREAM_HEADER_BYTES_RECEIVED: 'none',
  DOWNSTREAM_WIRE_BYTES_SENT: 'none',
  DOWNSTREAM_WIRE_BYTES_RECEIVED: 'none',
  DOWNSTREAM_HEADER_BYTES_SENT: 'none',
  DOWNSTREAM_HEADER_BYTES_RECEIVED: 'none',
  DURATION: 'none',
  COMMON_DURATION: duration,
  REQUEST_DURATION: 'none',
  REQUEST_TX_DURATION: 'none',
  RESPONSE_DURATION: 'none',
  RESPONSE_TX_DURATION: 'none',
  ROUNDTRIP_DURATION: 'none',
  UPSTREAM_CONNECTION_POOL_READY_DURATION: 'none',
  REQ: 'required',
  REQUEST_HEADER: 'required',
  RESP: 'required',
  RESPONSE_HEADER: 'required',
  TRAILER: 'required',
  RESPONSE_TRAILER: 'required',
  REQ_WITHOUT_QUERY: 'required',
  PATH: path,
  QUERY_PARAM: 'required',
  QUERY_PARAMS: among('ORIG'),
  UPSTREAM_HOST: 'none',
  UPSTREAM_HOST_NAME: 'none',
  UPSTREAM_HOST_NAME_WITHOUT_PORT: 'none',
  UPSTREAM_HOSTS_ATTEMPTED: 'none',
  UPSTREAM_HOSTS_ATTEMPTED_WITHOUT_PORT: 'none',
  UPSTREAM_REMOTE_ADDRESS: 'none',
  UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT: mask,
  UPSTREAM_REMOTE_PORT: 'none',
  UPSTREAM_LOCAL_ADDRESS: 'none',
  UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT: mask,
  UPSTREAM_LOCAL_PORT: 'none',
  UPSTREAM_CLUSTER: 'none',
  UPSTREAM_CLUSTER_RAW: 'none',
  UPSTREAM_REQUEST_ATTEMPT_COUNT: 'none',
  UPSTREAM_TLS_VERSION: 'none',
  UPSTREAM_TLS_CIPHER: 'none',
  UPSTREAM_SERVER_NAME: 'none',
  UPSTREAM_PEER_SUBJECT: 'none',
  UPSTREAM_PEER_ISSUER: 'none',
  UPSTREAM_PEER_CERT: 'none',
  UPSTREAM_PEER_CERT_V_START: 'optional',
  UPSTREAM_PEER_CERT_V_END: 'optional',
  UPSTREAM_PEER_URI_SAN: 'none',
  UPSTREAM_PEER_DNS_SAN: 'none',
  UPSTREAM_PEER_IP_SAN: 'none',
  UPSTREAM_LOCAL_URI_SAN: 'none',
  DOWNSTREAM_LOCAL_ADDRESS: 'none',
  DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT: mask,
  DOWNSTREAM_LOCAL_PORT: 'none',
  DOWNSTREAM_DIRECT_LOCAL_ADDRESS: 'none',
  DOWNSTREAM_DIRECT_LOCAL_ADDRESS_WITHOUT_PORT: mask,
  DOWNSTREAM_DIRECT_LOCAL_PORT: 'none',
  DOWNSTREAM_REMOTE_ADDRESS: 'none',
  DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT: mask,
  DOWNSTREAM_REMOTE_PORT: 'none',
  DOWNSTREAM_DIRECT_REMOTE_ADDRESS: 'none',
  DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT: mask,
  DOWNSTREAM_DIRECT_REMOTE_PORT: 'none',
  DOWNSTREAM_TLS_VERSION: 'none',
  DOWNSTREAM_TLS_CIPHER: 'none',
  DOWNSTREAM_PEER_URI_SAN: 'none',
  DOWNSTREAM_PEER_DNS_SAN: 'none',
  DOWNSTREAM_PEER_IP_SAN: 'none',
  DOWNSTREAM_PEER_EMAIL_SAN: 'none',
  DOWNSTREAM_LOCAL_URI_SAN: 'none',
  DOWNSTREAM_PEER_SUBJECT: 'none',
  DOWNSTREAM_PEER_ISSUER: 'none',
  DOWNSTREAM_PEER_SERIAL: 'none',
  DOWNSTREAM_PEER_FINGERPRINT_256: 'none',
  DOWNSTREAM_PEER_FINGERPRINT_1: 'none',
  DOWNSTREAM_PEER_CERT: 'none',
  DOWNSTREAM_PEER_CERT_V_START: 'optional',
  DOWNSTREAM_PEER_CERT_V_END: 'optional',
  REQUESTED_SERVER_NAME: serverName,
  FILTER_CHAIN_NAME: 'none',
  ACCESS_LOG_TYPE: 'none',
  CONNECTION_ID: 'none',
  STREAM_ID: 'none',
  UNIQUE_ID: 'none',
  CUSTOM_FLAGS: 'none',
  ROUTE_NAME: 'none',
  VIRTUAL_CLUSTER_NAME: 'none',
  DYNAMIC_METADATA: 'required',
  METADATA: metadata,
  TRACE_ID: 'none',
  SPAN_ID: 'none',
  GRPC_STATUS: among('CAMEL_STRING', 'SNAKE_STRING', 'NUMBER'),
  GRPC_STATUS_NUMBER: 'none',
  HOSTNAME: 'none',
  ENVIRONMENT: 'required',
};

/** What Envoy (1.40) has besides: told by its name, and not taken for a slip. */
const ABSENT: ReadonlySet<string> = new Set(
  [
    'CEL TYPED_CEL CLUSTER_METADATA UPSTREAM_METADATA FILTER_STATE UPSTREAM_FILTER_STATE STREAM_INFO_REQ TLS_JA3_FINGERPRINT TLS_JA4_FINGERPRINT',
    'DOWNSTREAM_CX_RTT DOWNSTREAM_HANDSHAKE_DURATION DOWNSTREAM_TLS_GROUP DOWNSTREAM_TLS_SESSION_ID DOWNSTREAM_TRANSPORT_FAILURE_REASON',
    'DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_SENT DOWNSTREAM_DETECTED_CLOSE_TYPE',
    'DOWNSTREAM_LOCAL_CLOSE_REASON DOWNSTREAM_LOCAL_ADDRESS_ENDPOINT_ID DOWNSTREAM_DIRECT_LOCAL_ADDRESS_ENDPOINT_ID DOWNSTREAM_LOCAL_SUBJECT',
    'DOWNSTREAM_LOCAL_DNS_SAN DOWNSTREAM_LOCAL_EMAIL_SAN DOWNSTREAM_LOCAL_IP_SAN DOWNSTREAM_LOCAL_OTHERNAME_SAN DOWNSTREAM_PEER_OTHERNAME_SAN',
    'DOWNSTREAM_PEER_CHAIN_FINGERPRINTS_1 DOWNSTREAM_PEER_CHAIN_FINGERPRINTS_256 DOWNSTREAM_PEER_CHAIN_SERIALS',
    'DOWNSTREAM_PEER_ISSUER_FINGERPRINT_256 DOWNSTREAM_PEER_ISSUER_SERIAL RESPONSE_TRAILERS_BYTES ROUTE_RESOLUTION_COUNT ROUTE_RESOLUTION_TIME_US',
    'UPSTREAM_CONNECTION_ID UPSTREAM_CONNECTION_IDS_ATTEMPTED UPSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED UPSTREAM_DECOMPRESSED_HEADER_BYTES_SENT',
    'UPSTREAM_DETECTED_CLOSE_TYPE UPSTREAM_LOCAL_CLOSE_REASON UPSTREAM_HOST_NAMES_ATTEMPTED UPSTREAM_HOST_NAMES_ATTEMPTED_WITHOUT_PORT',
    'UPSTREAM_LOCAL_DNS_SAN UPSTREAM_LOCAL_IP_SAN UPSTREAM_REMOTE_ADDRESS_ENDPOINT_ID UPSTREAM_TLS_GROUP UPSTREAM_TLS_SESSION_ID',
  ].flatMap((names) => names.split(' ')),
);

/** Whether Envoy has an operator of this name; not all of them can be answered. */
export function isKnown(operator: string): boolean {
  return Object.hasOwn(RULES, operator) || ABSENT.has(operator);
}

/** What is wrong with an operator and its argument; undefined = nothing. */
export function operatorFault(operator: string, argument: string): string | undefined {
  const rule = Object.hasOwn(RULES, operator) ? RULES[operator] : undefined;
  if (rule === undefined) return `%${operator}% is not supported by this proxy`;
  if (rule === 'required' && argument === '') return `%${operator}% needs an argument in parentheses`;
  if (rule === 'none' && argument !== '') return `%${operator}% takes no argument`;
  const fault = typeof rule === 'function' ? rule(argument) : undefined;
  return fault === undefined ? undefined : `the argument of %${operator}% ${fault}`;
}

/** Envoy's substitution operators that both data planes can answer. */
export const FORMAT_OPERATORS: readonly string[] = Object.keys(RULES);
