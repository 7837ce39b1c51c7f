import { defineCase, type ParityCase } from '../define.ts';
import { http1, listener, hcm, serverTls, to, cluster } from '../resources.ts';
import { http, type ExpectedRequest, type Http1Request } from '../steps.ts';
import type { CaseContext } from '../harness/context.ts';
import type { Resources } from '../resources.ts';

/** Options of the connection manager, a request, and the headers with which it reaches the backend. */
function forwarded(
  name: string,
  options: Readonly<Record<string, unknown>>,
  request: Http1Request,
  headers: NonNullable<ExpectedRequest['headers']>,
): ParityCase {
  return defineCase({
    name,
    resources: (c) => http1(c, [to(c, 'main')], options),
    steps: [http(request, { status: 200, backend: { headers } })],
  });
}

const EDGE = { use_remote_address: true };
const PORT = { append_x_forwarded_port: true };
/** What a client outside might send to be taken for somebody inside. */
const INTERNAL = {
  'x-envoy-internal': 'true',
  'x-envoy-upstream-rq-timeout-ms': '1',
  'x-envoy-retry-on': '5xx',
  'x-envoy-max-retries': '5',
  'x-envoy-expected-rq-timeout-ms': '7',
  'x-envoy-decorator-operation': 'forged',
  'x-envoy-original-path': '/forged',
  'x-envoy-external-address': '6.6.6.6',
  'x-envoy-force-trace': '1',
  'x-envoy-ip-tags': 'x',
  'x-envoy-downstream-service-cluster': 'forged',
  'x-envoy-downstream-service-node': 'forged',
  'x-envoy-hedge-on-per-try-timeout': 'true',
  'x-envoy-upstream-alt-timeout': '1',
};

function mutual(c: CaseContext, options: Readonly<Record<string, unknown>>): Resources {
  const chain = { transport_socket: serverTls(c, 'server', { mutual: true }), filters: [hcm(c, [to(c, 'main')], options)] };
  return { listeners: [listener(c, [], { filter_chains: [chain] })], clusters: [cluster(c, 'main')] };
}

/** What the backend gets in x-forwarded-client-cert from a client with a certificate that sends this header. */
function clientCert(
  name: string,
  options: Readonly<Record<string, unknown>>,
  sent: string | undefined,
  expected: string | RegExp | null,
): ParityCase {
  return defineCase({
    name: `xfcc: ${name}`,
    resources: (c) => mutual(c, options),
    steps: [
      http(
        { headers: sent === undefined ? {} : { 'x-forwarded-client-cert': sent } },
        { status: 200, backend: { headers: { 'x-forwarded-client-cert': expected, 'x-forwarded-proto': 'https' } } },
        { tls: { identity: 'client' } },
      ),
    ],
  });
}

const OURS =
  /^By=spiffe:\/\/parity\.test\/ns\/test\/sa\/server;Hash=[0-9a-f]{64};Subject="";URI=spiffe:\/\/parity\.test\/ns\/test\/sa\/client;DNS=client\.test$/;
const ALL = { subject: true, uri: true, dns: true };

/** What is said about the client, and who is believed. */
export const cases = [
  forwarded(
    'a sidecar adds no x-forwarded-for',
    {},
    {},
    { 'x-forwarded-for': null, 'x-forwarded-proto': 'http', 'x-envoy-internal': null, 'x-envoy-external-address': null },
  ),
  forwarded(
    'a sidecar passes x-forwarded-for on',
    {},
    { headers: { 'x-forwarded-for': '1.2.3.4, 5.6.7.8' } },
    { 'x-forwarded-for': '1.2.3.4, 5.6.7.8' },
  ),
  forwarded('a sidecar passes x-forwarded-proto on', {}, { headers: { 'x-forwarded-proto': 'https' } }, { 'x-forwarded-proto': 'https' }),
  forwarded('an edge adds the address of the connection', EDGE, {}, { 'x-forwarded-for': '127.0.0.1', 'x-forwarded-proto': 'http' }),
  forwarded('an edge adds to the list', EDGE, { headers: { 'x-forwarded-for': '1.2.3.4' } }, { 'x-forwarded-for': '1.2.3.4,127.0.0.1' }),
  forwarded('an edge does not believe x-forwarded-proto', EDGE, { headers: { 'x-forwarded-proto': 'https' } }, { 'x-forwarded-proto': 'http' }),
  forwarded('an edge tells the external address', EDGE, {}, { 'x-envoy-external-address': '127.0.0.1' }),
  forwarded(
    'an edge behind one trusted hop takes the address before it',
    { use_remote_address: true, xff_num_trusted_hops: 1 },
    { headers: { 'x-forwarded-for': '9.9.9.9, 1.2.3.4', 'x-forwarded-proto': 'https' } },
    { 'x-forwarded-for': '9.9.9.9, 1.2.3.4,127.0.0.1', 'x-envoy-external-address': '1.2.3.4', 'x-forwarded-proto': 'https' },
  ),
  forwarded(
    'an edge behind two trusted hops',
    { use_remote_address: true, xff_num_trusted_hops: 2 },
    { headers: { 'x-forwarded-for': '9.9.9.9, 1.2.3.4, 5.6.7.8' } },
    { 'x-envoy-external-address': '1.2.3.4' },
  ),
  forwarded('nobody tells the port that was called unless asked to', EDGE, { headers: { 'x-forwarded-port': '1' } }, { 'x-forwarded-port': '1' }),
  forwarded('a sidecar tells the port that was called', PORT, {}, { 'x-forwarded-port': '<listener main>' }),
  forwarded('a sidecar passes x-forwarded-port on', PORT, { headers: { 'x-forwarded-port': '1' } }, { 'x-forwarded-port': '1' }),
  forwarded(
    'an edge does not believe x-forwarded-port',
    { ...EDGE, ...PORT },
    { headers: { 'x-forwarded-port': '1' } },
    { 'x-forwarded-port': '<listener main>' },
  ),
  forwarded(
    'an edge behind a trusted hop passes x-forwarded-port on',
    { ...EDGE, ...PORT, xff_num_trusted_hops: 1 },
    { headers: { 'x-forwarded-port': '1' } },
    { 'x-forwarded-port': '1' },
  ),
  forwarded(
    'an edge behind a trusted hop tells the port when that did not',
    { ...EDGE, ...PORT, xff_num_trusted_hops: 1 },
    {},
    { 'x-forwarded-port': '<listener main>' },
  ),
  defineCase({
    name: 'routes see the port that was called, not what a client says of it',
    resources: (c) =>
      http1(
        c,
        [
          to(c, 'main', { prefix: '/', headers: [{ name: 'x-forwarded-port', string_match: { exact: '1' } }] }, { prefix_rewrite: '/forged' }),
          to(c, 'main', { prefix: '/', headers: [{ name: 'x-forwarded-port', present_match: true }] }, { prefix_rewrite: '/told' }),
          to(c, 'main'),
        ],
        { ...EDGE, ...PORT },
      ),
    steps: [http({ headers: { 'x-forwarded-port': '1' } }, { status: 200, backend: { target: '/told' } })],
  }),
  forwarded(
    'skip_xff_append leaves the list',
    { use_remote_address: true, skip_xff_append: true },
    { headers: { 'x-forwarded-for': '1.2.3.4' } },
    { 'x-forwarded-for': '1.2.3.4' },
  ),
  forwarded(
    'an edge takes internal headers away',
    EDGE,
    { headers: INTERNAL },
    {
      'x-envoy-retry-on': null,
      'x-envoy-max-retries': null,
      'x-envoy-decorator-operation': null,
      'x-envoy-original-path': null,
      'x-envoy-internal': null,
    },
  ),
  forwarded('a sidecar keeps what an edge takes away', {}, { headers: INTERNAL }, {}),
  // Request ids.
  forwarded('a request id is made', {}, {}, { 'x-request-id': '<uuid>' }),
  forwarded('a request id is not made when that is switched off', { generate_request_id: false }, {}, { 'x-request-id': null }),
  forwarded('a request id is kept by a sidecar', {}, { headers: { 'x-request-id': 'mine' } }, { 'x-request-id': 'mine' }),
  forwarded('a request id is replaced by an edge', EDGE, { headers: { 'x-request-id': 'mine' } }, { 'x-request-id': '<uuid>' }),
  forwarded(
    'a request id is kept by an edge when asked for',
    { ...EDGE, preserve_external_request_id: true },
    { headers: { 'x-request-id': 'mine' } },
    { 'x-request-id': 'mine' },
  ),
  defineCase({
    name: 'the request id goes into the response when asked for',
    resources: (c) => http1(c, [to(c, 'main')], { always_set_request_id_in_response: true }),
    steps: [http('/', { status: 200, headers: { 'x-request-id': '<uuid>' } })],
  }),
  // Server and via.
  defineCase({
    name: 'server is overwritten with a name',
    backends: { main: [{ headers: { server: 'backend' } }] },
    resources: (c) => http1(c, [to(c, 'main')], { server_name: 'mine' }),
    steps: [http('/', { headers: { server: 'mine' } })],
  }),
  defineCase({
    name: 'server is appended if absent',
    backends: { main: [{ headers: { server: 'backend' } }, {}] },
    resources: (c) => http1(c, [to(c, 'main')], { server_name: 'mine', server_header_transformation: 'APPEND_IF_ABSENT' }),
    steps: [http('/', { headers: { server: 'backend' } }), http('/', { headers: { server: 'mine' } })],
  }),
  defineCase({
    name: 'server passes through',
    backends: { main: [{ headers: { server: 'backend' } }, {}] },
    resources: (c) => http1(c, [to(c, 'main')], { server_header_transformation: 'PASS_THROUGH' }),
    steps: [http('/', { headers: { server: 'backend' } }), http('/', { headers: { server: null } })],
  }),
  defineCase({
    name: 'via is added in both directions',
    backends: { main: [{ headers: { via: '1.1 before' } }] },
    resources: (c) => http1(c, [to(c, 'main')], { via: '1.1 proxy' }),
    steps: [
      http({ headers: { via: '1.0 first' } }, { headers: { via: '1.1 before, 1.1 proxy' }, backend: { headers: { via: '1.0 first, 1.1 proxy' } } }),
    ],
  }),
  defineCase({
    name: 'date of the backend is kept',
    backends: { main: [{ headers: { date: 'Tue, 15 Nov 1994 08:12:31 GMT' } }] },
    steps: [http('/', { status: 200, headers: { date: '<date>' } })],
  }),
  defineCase({
    name: 'attempt counts go to the backend and the client when asked for',
    resources: (c) =>
      http1(c, [
        { name: 'a', domains: ['*'], include_request_attempt_count: true, include_attempt_count_in_response: true, routes: [to(c, 'main')] },
      ]),
    steps: [http('/', { headers: { 'x-envoy-attempt-count': '1' }, backend: { headers: { 'x-envoy-attempt-count': '1' } } })],
  }),
  defineCase({
    name: 'the expected timeout is that of the route',
    resources: (c) => http1(c, [to(c, 'main', { prefix: '/' }, { timeout: '3s' })]),
    steps: [http('/', { backend: { headers: { 'x-envoy-expected-rq-timeout-ms': '3000' } } })],
  }),
  defineCase({
    name: 'a route without a timeout tells none',
    resources: (c) => http1(c, [to(c, 'main', { prefix: '/' }, { timeout: '0s' })]),
    steps: [http('/', { backend: { headers: { 'x-envoy-expected-rq-timeout-ms': null } } })],
  }),
  // Client certificates.
  clientCert('SANITIZE takes the header away', {}, 'By=forged', null),
  clientCert(
    'FORWARD_ONLY passes it on',
    { forward_client_cert_details: 'FORWARD_ONLY', set_current_client_cert_details: ALL },
    'By=before',
    'By=before',
  ),
  clientCert('FORWARD_ONLY adds nothing', { forward_client_cert_details: 'FORWARD_ONLY', set_current_client_cert_details: ALL }, undefined, null),
  clientCert(
    'APPEND_FORWARD adds an element',
    { forward_client_cert_details: 'APPEND_FORWARD', set_current_client_cert_details: ALL },
    'By=before',
    /^By=before,By=spiffe/,
  ),
  clientCert(
    'SANITIZE_SET tells only what is known',
    { forward_client_cert_details: 'SANITIZE_SET', set_current_client_cert_details: ALL },
    'By=forged',
    OURS,
  ),
  clientCert('SANITIZE_SET without details', { forward_client_cert_details: 'SANITIZE_SET' }, undefined, /^By=[^;]+;Hash=[0-9a-f]{64}$/),
  clientCert(
    'SANITIZE_SET with the certificate',
    { forward_client_cert_details: 'SANITIZE_SET', set_current_client_cert_details: { cert: true } },
    undefined,
    /;Cert="-----BEGIN%20CERTIFICATE-----%0A/,
  ),
  clientCert('ALWAYS_FORWARD_ONLY passes it on', { forward_client_cert_details: 'ALWAYS_FORWARD_ONLY' }, 'By=before', 'By=before'),
  forwarded(
    'xfcc: without TLS it is taken away',
    { forward_client_cert_details: 'APPEND_FORWARD' },
    { headers: { 'x-forwarded-client-cert': 'By=forged' } },
    { 'x-forwarded-client-cert': null },
  ),
  forwarded(
    'xfcc: without TLS ALWAYS_FORWARD_ONLY keeps it',
    { forward_client_cert_details: 'ALWAYS_FORWARD_ONLY' },
    { headers: { 'x-forwarded-client-cert': 'By=before' } },
    { 'x-forwarded-client-cert': 'By=before' },
  ),
];
