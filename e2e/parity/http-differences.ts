import type { IntendedDifference } from './intended-differences.ts';

/** HTTP/1.1 that Envoy repairs and ours refuses, by the rule. */
const REPAIRED: Readonly<Record<string, readonly string[]>> = {
  'RFC 9112 section 5.2: obs-fold is refused, not joined; who reads the lines apart would see other headers': [
    'a folded line',
    'a folded line with a tab',
  ],
  'RFC 9112 section 2.2: a bare CR is no part of a message': ['a bare CR in a value'],
  'RFC 9112 section 2.2: lines end with CR LF; who takes LF alone sees other headers than who does not': [
    'a bare LF between lines',
    'a bare LF after one line',
  ],
  'RFC 9112 section 3: one space stands between the parts of the request line': ['a second space in the request line', 'a tab in the request line'],
  'RFC 9112 section 3.2: a request with more than one Host line MUST be answered with 400': ['two equal hosts', 'two different hosts'],
  'RFC 9110 section 4.2.4: user information in an authority is there to deceive': ['a host with an at sign'],
  'RFC 9112 section 7.1: what follows a chunk is CR LF; Envoy lets the answer go before it has read that': ['a chunk that is longer than its size'],
};

/** Changes that Envoy takes and ours refuses, since they could only be a mistake. */
const REFUSED: Readonly<Record<string, string>> = {
  'a rewrite whose groups are not there': 'Envoy finds the missing group at the first request, and leaves the path empty',
  'a header name with a space': 'it would make a response that no client could read',
  'a domain with a star in the middle': 'it would match nothing',
  'a connection manager without filters': 'it would never answer',
  'an upgrade without a type': 'it would allow nothing',
};

const REFUSED_400 = { '0.responses.0.status': 400, '0.connection': 'ended', '0.backend.0': null };

/** Differences of the cases of HTTP, routing, TLS and TCP. */
export const HTTP_DIFFERENCES: readonly IntendedDifference[] = [
  ...Object.entries(REPAIRED).flatMap(([reason, names]) =>
    names.map((name) => ({ case: `http1-strictness/${name}`, at: ['0', 'log'], embedded: REFUSED_400, reason })),
  ),
  {
    case: 'http1-strictness/*',
    at: ['termination', 'method', 'path', 'authority'].map((field) => `log.*.${field}`),
    embedded: {},
    reason: 'what has been read of a request that is refused is logged, and CONNECTION_TERMINATION_DETAILS names the rule that it broke',
  },
  {
    case: 'http1-strictness/*',
    at: ['attempts', 'cluster', 'upstream'].map((field) => `log.*.${field}`),
    embedded: {},
    reason: 'the body that came with the head is looked at before an upstream is asked for',
  },
  {
    case: 'http1-strictness/*',
    at: ['log.*.details'],
    embedded: {},
    reason: 'RESPONSE_CODE_DETAILS of malformed heads: Envoy tells invalid characters from other errors of its codec',
  },
  ...['a request without a version is refused', 'HTTP/1.2 is refused', 'HTTP/2.0 in the request line is refused', 'HTTP/0.9 is refused'].map(
    (name) => ({
      case: `http1-strictness/${name}`,
      at: ['0.responses.0', 'log.0.code', 'log.0.sent'],
      embedded: { '0.responses.0.status': 400 },
      reason: 'what is no HTTP/1.x is malformed; Envoy asks for an upgrade',
    }),
  ),
  {
    case: 'http1-strictness/a response with a folded line',
    at: ['0', 'log'],
    embedded: { '0.responses.0.status': 502, 'log.0.flags': 'UPE' },
    reason: 'RFC 9112 section 5.2, for responses as for requests',
  },
  {
    case: 'http1-strictness/a response with a status of two digits',
    at: ['0', 'log'],
    embedded: { '0.responses.0.status': 502, 'log.0.flags': 'UPE' },
    reason: 'RFC 9112 section 4: three digits; Envoy passes it on',
  },
  {
    case: 'http1-strictness/a chunk size of a response that is no number cuts the answer',
    at: ['0', 'log'],
    embedded: { '0.responses.0.status': 502, 'log.0.flags': 'UPE' },
    reason: 'the body that came with the head is looked at before the head is passed on: the client gets a whole answer',
  },
  // Messages and connections.
  {
    case: 'http1-messages/a response that ends with its connection is passed on',
    at: ['0.connection', '0.responses.0.headers'],
    embedded: { '0.responses.0.headers.connection': 'close', '0.connection': 'ended' },
    reason: 'bytes go through as they came, and end as they ended; Envoy puts them into chunks',
  },
  {
    case: 'http1-messages/trailers of a request without enable_trailers do not arrive',
    at: ['0.backend.0.trailers'],
    embedded: { '0.backend.0.trailers.x-sum': '1' },
    reason: 'RFC 9110 section 6.5: trailers are passed on; the setting says only that they may be dropped',
  },
  {
    case: 'http1-connections/HTTP/1.0 is refused when it is not allowed',
    at: ['authority', 'method', 'path', 'protocol'].map((field) => `log.0.${field}`),
    embedded: { 'log.0.protocol': 'HTTP/1.0' },
    reason: 'what has been read of a request that is refused is logged',
  },
  {
    case: 'http1-connections/HTTP/1.1 without a host is refused',
    at: ['log.0.method', 'log.0.path', 'log.0.termination'],
    embedded: { 'log.0.termination': 'http1.no-host' },
    reason: 'the head was not read to its end; CONNECTION_TERMINATION_DETAILS names the rule that it broke',
  },
  {
    case: 'http1-connections/a client that half-closes still gets its answer',
    at: ['0', 'log'],
    embedded: { '0.responses.0.status': 200, '0.responses.0.body': 'late' },
    reason: 'a client that has said all it had to say may close its half (RFC 9112 section 9.6); Envoy takes it for gone',
  },
  {
    case: 'http1-connections/an upgrade to websocket carries bytes both ways',
    at: ['log.0.details', 'log.0.flags'],
    embedded: { 'log.0.flags': '-' },
    reason: 'a tunnel that its client ends has ended well; Envoy logs a client that has gone away',
  },
  // Paths.
  {
    case: 'paths/dot segments beyond the root',
    at: ['0', '1', '2', 'log'],
    embedded: { '0.responses.0.status': 400, '1.responses.0.status': 400, '2.responses.0.status': 400 },
    reason: 'a path that climbs above its root is an attack or a mistake: refused, not repaired',
  },
  {
    case: 'paths/two slashes alone',
    at: ['0.backend.0.target', 'log.0.path'],
    embedded: { '0.backend.0.target': '/' },
    reason: 'Envoy merges slashes everywhere but here',
  },
  {
    case: 'paths/escaped slashes are refused',
    at: ['log.*.path'],
    embedded: { 'log.0.path': '/a%2fb' },
    reason: 'the log tells what the client sent; Envoy has unescaped it before it refuses it',
  },
  {
    case: 'paths/a fragment in the path is refused',
    at: ['0.responses.0.body', '0.responses.0.headers', 'log.0'],
    embedded: { '0.responses.0.status': 400, 'log.0.termination': 'http1.bad-target' },
    reason: 'a fragment is no part of a request target: the head is malformed, whether paths are normalised or not',
  },
  {
    case: 'paths/a target without a slash is not routed',
    at: ['authority', 'method', 'path'].map((field) => `log.0.${field}`),
    embedded: { 'log.0.path': 'x' },
    reason: 'what has been read of a request that is refused is logged',
  },
  {
    case: 'paths/an absolute target with user and password',
    at: ['0', 'log'],
    embedded: { '0.responses.0.status': 400, '0.backend.0': null },
    reason: 'RFC 9110 section 4.2.4: user information in an authority is there to deceive',
  },
  // Routing.
  ...['a header names the cluster', 'a route to an unknown cluster is 503 NC', 'what an unknown cluster is answered with can be said'].map(
    (name) => ({
      case: `routing/${name}`,
      at: ['log.*.cluster'],
      embedded: {},
      reason: 'the log names the cluster that is missing',
    }),
  ),
  {
    case: 'routing/a gRPC match wants its content type',
    at: ['*.connection', '*.responses.0.headers.connection', 'log.*.received'],
    embedded: { '2.connection': 'open' },
    reason: 'a body that came with the head is read, so the connection can be kept',
  },
  {
    case: 'routing/a direct response to a gRPC call is a gRPC status',
    at: ['log.0.received'],
    embedded: { 'log.0.received': 1 },
    reason: 'a body that came with the head is read',
  },
  {
    case: 'tcp/more connections than max_connections overflow',
    at: ['log'],
    embedded: {},
    reason: 'which host a connection that overflows would have gone to is not told where no host was asked',
  },
  {
    case: 'rewrite-redirect/a direct response does not wait for the body',
    at: ['0.connection', '0.responses.0.headers.connection', 'log.0.received'],
    embedded: { '0.connection': 'open' },
    reason: 'a body that came with the head is read, so the connection can be kept',
  },
  ...Object.entries(REFUSED).map(([name, reason]) => ({
    case: `refusals/${name}`,
    at: ['1'],
    embedded: { '1.verdict': 'nack' },
    reason,
  })),
  // Changes.
  {
    case: 'updates/an answer in flight survives a change of its listener',
    at: ['3.connection', '3.responses.0.headers.connection'],
    embedded: { '3.responses.0.headers.connection': 'close' },
    reason: 'a connection of the listener as it was is told to end with the answer under way',
  },
  {
    case: 'updates/a kept connection is told to end when its listener goes',
    at: ['2.responses.0.headers.connection'],
    embedded: { '2.responses.0.headers.connection': 'close' },
    reason: 'the next answer says that the connection ends; Envoy ends it when the drain time is over',
  },
  // TLS: other libraries.
  ...[
    'tls/a backend with another name is refused: 503 UF',
    'tls/a backend of another root is refused: 503 UF',
    'tls/a backend without TLS: 503 UF',
    'tls-checks/the backend shows another certificate than the one that is asked for',
    'tls-checks/the older list of names: none of them',
    'tls-checks/a star in a certificate stands for one label: a.b.wild.test',
    'tls-checks/a star in a certificate stands for one label: wild.test',
    'tls-checks/a star in a certificate stands for one label: a.wild.test.',
  ].map((name) => ({
    case: name,
    at: ['log.0.details', 'log.0.failure'],
    embedded: { 'log.0.flags': 'UF' },
    reason: "OpenSSL's words are not BoringSSL's",
  })),
  {
    case: 'tls/an ALPN that the server does not have is passed over',
    at: ['0', 'log'],
    embedded: { '0.tls.refused': true },
    reason: 'RFC 7301 section 3.2: no protocol in common is a fatal alert; behind a TLS inspector ours passes it over as well',
  },
  ...['an application protocol', 'a server name goes before an application protocol'].map((name) => ({
    case: `filter-chains/${name}`,
    at: ['*.tls.alpn'],
    embedded: {},
    reason: 'no protocol is agreed on that this proxy does not speak, whatever the list says',
  })),
  {
    case: 'tcp/a cluster that is not there: flag NC',
    at: ['log.0.cluster'],
    embedded: { 'log.0.cluster': '<id>-nobody' },
    reason: 'the log names the cluster that is missing',
  },
  {
    case: 'local-replies/an answer to what cannot be read tells nothing of the request before it',
    at: ['log.1.termination'],
    embedded: { 'log.1.termination': 'http1.bad-header' },
    reason: 'CONNECTION_TERMINATION_DETAILS names the rule that was broken',
  },
  {
    case: 'forwarding/a sidecar keeps what an edge takes away',
    at: ['log.0.path'],
    embedded: { 'log.0.path': '/' },
    reason: 'the path before a rewrite is what this proxy has rewritten, not what a client says in x-envoy-original-path',
  },
  {
    case: 'tcp/*',
    at: ['log.*.termination'],
    embedded: {},
    reason: 'CONNECTION_TERMINATION_DETAILS says why a TCP connection has ended',
  },
];
