import { HTTP_DIFFERENCES } from './http-differences.ts';

/**
 * Where our proxy differs from Envoy on purpose. Everything else that differs fails, and so does an entry that no longer differs.
 */
export interface IntendedDifference {
  /** `topic/name of the case`, or `topic/*`. */
  readonly case: string;
  /** Paths in the observation below which the two may differ (`0.responses`, `log.0.details`; `*` stands for one segment). Step numbers come first. */
  readonly at: readonly string[];
  /** What ours shows there, as exactly as it matters. */
  readonly embedded: Readonly<Record<string, string | number | boolean | RegExp | null>>;
  readonly reason: string;
}

export const INTENDED_DIFFERENCES: readonly IntendedDifference[] = [
  ...HTTP_DIFFERENCES,
  ...['tracing/*', 'istio-telemetry/opentelemetry sends spans over gRPC', 'istio-telemetry/opentelemetry sends spans over HTTP, with headers'].map(
    (name) => ({
      case: name,
      at: ['*.backend.*.headers.tracestate'],
      embedded: {},
      reason: 'a tracestate that is empty says nothing, and is left out',
    }),
  ),
  ...['keys are fetched once, and kept', 'keys that cannot be fetched open nothing', 'after a failure keys are fetched again'].map((name) => ({
    case: `jwt-keys/${name}`,
    at: ['user-agent', 'x-forwarded-for'].map((header) => `*.backend.0.headers.${header}`),
    embedded: {},
    reason: "a question of the proxy's own says what is asked, and not that a browser or a client of the mesh asks it",
  })),
  {
    case: 'request-authentication/a signature with one byte behind it',
    at: ['0', 'log'],
    embedded: { '0.responses.0.status': 401, '0.responses.0.body': 'Jwt verification fails' },
    reason: 'an ES256 signature has 64 bytes (RFC 7518 section 3.4); of 65 Envoy passes over the last, so that one token has many forms',
  },
  {
    case: 'istio-gateway/insecureSkipVerify: any certificate, but one',
    at: ['1.backend.0.headers.x-forwarded-client-cert'],
    embedded: { '1.backend.0.headers.x-forwarded-client-cert': null },
    reason: 'what a certificate says that nobody has verified is told to nobody',
  },
  {
    case: 'copies/a chunked body is mirrored',
    at: ['content-length', 'transfer-encoding'].map((header) => `0.backend.1.headers.${header}`),
    embedded: { '0.backend.1.headers.content-length': '8' },
    reason: 'a copy goes out when the request is whole: its length is known by then',
  },
  {
    case: 'cluster-choice/a header says the cluster',
    at: ['log.1.cluster'],
    embedded: { 'log.1.cluster': 'nowhere' },
    reason: 'the log names the cluster that is not there',
  },
  ...(
    [
      ['a 302 is followed inside', ['path']],
      ['a 307 is followed when it is listed, with the body', ['path']],
      ['a 303 makes a GET of a POST', ['method', 'path']],
      ['another host is another virtual host', ['authority', 'path']],
      ['the other scheme is followed when allowed', ['path']],
      ['the safe scheme: an https client may be sent to http, not the other way', []],
      ['a place without a route is passed on', []],
      ['routes that are allowed by name', []],
      ['headers of the answer may go along', ['path']],
      ['the path of the new place is put in order before it is routed', ['path']],
    ] as const
  ).map(([name, fields]) => ({
    case: `copies/${name}`,
    at: ['cluster', 'route', ...fields].map((field) => `log.0.${field}`),
    embedded: { 'log.0.cluster': /-first$/, 'log.0.path': '/from' },
    reason:
      'the line of a request that was answered with a redirect says what was asked and which route took it; Envoy has put the redirect’s target there',
  })),
  {
    case: 'copies/a 307 is followed when it is listed, with the body',
    at: ['log.1.received'],
    embedded: { 'log.1.received': 8 },
    reason: 'BYTES_RECEIVED is what the client has sent; Envoy counts the body again when it sends it to where the redirect leads',
  },
  {
    case: 'http2/HTTP/1.1 answers to HTTP/2: hop-by-hop headers stay behind',
    at: ['0.responses.0.headers.x-hop'],
    embedded: {},
    reason: 'what an upstream names in Connection is for this hop only (RFC 9110 section 7.6.1); Envoy passes it on',
  },
  ...(
    [
      ['headers with underscores are refused over HTTP/2 as well', ['log.0.authority', 'log.0.details', 'log.0.method', 'log.0.path', 'log.0.sent']],
      ['a head over the limit', ['log.0.sent']],
    ] as const
  ).map(([name, more]) => ({
    case: `http2/${name}`,
    at: ['0.responses.0', '0.rst', 'log.0.code', 'log.0.flags', ...more],
    embedded: { 'log.0.flags': 'DPE' },
    reason: 'a request that is refused is answered, over HTTP/2 as over HTTP/1.1, so that its sender learns why; Envoy resets the stream',
  })),
  {
    case: 'compression/*',
    at: ['log.*.sent'],
    embedded: {},
    reason: 'another build of the same library puts the same text into a few bytes more or less',
  },
  {
    case: 'compression/vary that says it already',
    at: ['0.responses.0.headers.vary'],
    embedded: { '0.responses.0.headers.vary': 'cookie, accept-encoding' },
    reason: 'names of headers are the same in any case; Envoy adds the name once more',
  },
  {
    case: 'filters-http2/responses are compressed',
    at: ['log.*.sent'],
    embedded: {},
    reason: 'another build of the same library puts the same text into a few bytes more or less',
  },
  {
    case: 'filters-http2/an authorization service sees the stream',
    at: ['*.backend.0.headers.x-forwarded-for'],
    embedded: {},
    reason: 'who asks is no client of the mesh',
  },
  {
    case: 'ratelimit-service/*',
    at: ['*.backend.0.headers.x-forwarded-for'],
    embedded: {},
    reason: 'who asks is no client of the mesh',
  },
  {
    case: 'filter-stats/a rate-limit service: counted of the cluster that is asked for',
    at: ['*.backend.0.headers.x-forwarded-for'],
    embedded: {},
    reason: 'who asks is no client of the mesh',
  },
  {
    case: 'filter-stats/an authorization service over HTTP',
    at: ['1.responses.0.headers.x-envoy-upstream-service-time'],
    embedded: {},
    reason: "the service's own answer is told, not how long Envoy's client waited for it",
  },
  ...[0, 1, 2].map((at) => ({
    case: `ext-authz-grpc/gRPC: a line break or NUL in a header ends the request ${at}`,
    at: ['log.0.attempts', 'log.0.upstream'],
    embedded: { 'log.0.attempts': 0 },
    reason: 'what cannot be written to an upstream is not tried there',
  })),
  {
    case: 'ext-authz-grpc/gRPC: parameters that would break the request line end the request',
    at: ['log.0.attempts', 'log.0.upstream', 'log.0.path'],
    embedded: { 'log.0.attempts': 0, 'log.0.path': '/' },
    reason: 'what cannot be written to an upstream is not tried there',
  },
  ...['ext-authz/*', 'ext-authz-grpc/*'].map((topic) => ({
    case: topic,
    at: ['*.backend.0.headers.x-forwarded-for', '*.responses.0.headers.x-envoy-upstream-service-time'],
    embedded: {},
    reason: "the service's own answer is told, not how long Envoy's client waited for it; and who asks is no client of the mesh",
  })),
  ...[
    'an upgrade that is allowed goes through, and so do the bytes',
    'a route may allow an upgrade',
    'CONNECT that ends here: bytes to the upstream and back',
    'CONNECT that is passed on',
  ].map((name) => ({
    case: `upgrades/${name}`,
    at: ['log.*.details', 'log.*.flags'],
    embedded: {},
    reason: 'a client that says that it has said everything (FIN) still hears the rest; Envoy takes that for the end of the tunnel (DC)',
  })),
  ...['CONNECT with a body of known length', 'CONNECT with a body in chunks'].map((name) => ({
    case: `upgrades/${name}`,
    at: ['authority', 'method', 'path', 'received'].map((field) => `log.0.${field}`),
    embedded: { 'log.0.method': 'CONNECT', 'log.0.authority': 'far.example:443' },
    reason: 'a head that could be read is logged with what it said',
  })),
  {
    case: 'upgrades/an upgrade that the upstream does not take is answered by it',
    at: ['0.responses.0.body', '0.responses.0.headers.content-length', 'log.0.details', 'log.0.sent'],
    embedded: { '0.responses.0.body': 'no' },
    reason: 'what the upstream says instead of agreeing reaches the client whole; Envoy passes its head on without the body',
  },
  {
    case: 'grpc-web/what is no base64 is refused',
    at: ['0.responses.0.headers.content-length'],
    embedded: {},
    reason: 'an answer without a body over HTTP/2 is told by its head alone',
  },
  {
    case: 'grpc-web/a body that is no gRPC is not passed on',
    at: ['0.responses.0.headers.content-length', '0.responses.0.headers.grpc-message'],
    embedded: { '0.responses.0.headers.grpc-message': null },
    reason: 'the head is not held back until the body is here, so that its text does not come as the message of the status',
  },
  {
    case: 'istio-virtual-service/a destination that does not exist is 503 with NC',
    at: ['log.0.cluster'],
    embedded: { 'log.0.cluster': 'outbound|80||nowhere.example' },
    reason: 'the log names the cluster that is not there',
  },
  {
    case: 'istio-virtual-service/corsPolicy.unmatchedPreflights: FORWARD and IGNORE',
    at: ['0.backend.0.headers.content-length'],
    embedded: {},
    reason: 'a request without a body needs no word about it (RFC 9112 section 6.3)',
  },
];
