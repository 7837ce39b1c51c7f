import { defineCase } from '../define.ts';
import { ADS, cluster, clientTls, direct, hcm, listener, serverTls, TLS_INSPECTOR, tcpProxy, to } from '../resources.ts';
import type { Resources } from '../resources.ts';
import type { CaseContext } from '../harness/context.ts';
import { http, push, tcp } from '../steps.ts';

const GET = 'GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n';
type TlsOptions = Parameters<typeof serverTls>[2];

/** A TLS listener that answers `ok`. */
function secured(c: CaseContext, options: TlsOptions = {}, identity = 'server'): Resources {
  const chain = { transport_socket: serverTls(c, identity, options), filters: [hcm(c, [direct('ok')])] };
  return { listeners: [listener(c, [], { filter_chains: [chain] })] };
}

/** A plain listener to a backend that speaks TLS. */
function origination(c: CaseContext, options: Parameters<typeof clientTls>[1]): Resources {
  return { listeners: [listener(c, [hcm(c, [to(c, 'main')])])], clusters: [cluster(c, 'main', { transport_socket: clientTls(c, options) })] };
}

const uri = (name: string): object => ({ san_type: 'URI', matcher: { exact: `spiffe://parity.test/ns/test/sa/${name}` } });

/** TLS with clients and with backends: who is who, who is refused. */
export const cases = [
  defineCase({
    name: 'TLS is terminated',
    resources: (c) => secured(c),
    steps: [http('/', { status: 200, body: 'ok', tls: { version: 'TLSv1.3', peer: 'spiffe://parity.test/ns/test/sa/server' } }, { tls: {} })],
  }),
  defineCase({
    name: 'plain bytes on a TLS port end the connection',
    resources: (c) => secured(c),
    steps: [tcp(GET, { connection: 'ended' })],
  }),
  defineCase({
    name: 'ALPN is the server’s choice among both lists',
    resources: (c) => secured(c, { alpn: ['http/1.1'] }),
    steps: [
      http('/', { status: 200, tls: { alpn: 'http/1.1' } }, { tls: { alpn: ['other', 'http/1.1'] } }),
      http('/', { status: 200, tls: { alpn: '' } }, { tls: {} }),
    ],
  }),
  defineCase({
    name: 'an ALPN that the server does not have is passed over',
    resources: (c) => secured(c, { alpn: ['http/1.1'] }),
    steps: [http('/', { status: 200, tls: { alpn: '' } }, { tls: { alpn: ['other'] } })],
  }),
  defineCase({
    name: 'TLS 1.2 is taken, and TLS 1.3 at most can be switched off',
    resources: (c) => secured(c),
    steps: [http('/', { status: 200, tls: { version: 'TLSv1.2' } }, { tls: { maxVersion: 'TLSv1.2' } })],
  }),
  defineCase({
    name: 'a client certificate is taken',
    resources: (c) => secured(c, { mutual: true }),
    steps: [http('/', { status: 200 }, { tls: { identity: 'client' } })],
  }),
  defineCase({
    name: 'a client without a certificate is refused',
    resources: (c) => secured(c, { mutual: true }),
    steps: [tcp(GET, { received: '', connection: 'ended' }, { tls: {} })],
  }),
  defineCase({
    name: 'a client with a certificate of another root is refused',
    resources: (c) => secured(c, { mutual: true }),
    steps: [tcp(GET, { received: '', connection: 'ended' }, { tls: { identity: 'stranger' } })],
  }),
  defineCase({
    name: 'a client whose name is on the list is taken, others are refused',
    resources: (c) => secured(c, { mutual: true, validation: { match_typed_subject_alt_names: [uri('client')] } }),
    steps: [
      http('/', { status: 200 }, { tls: { identity: 'client' } }),
      tcp(GET, { received: '', connection: 'ended' }, { tls: { identity: 'guest' } }),
    ],
  }),
  defineCase({
    name: 'a name by prefix and a DNS name are looked at',
    resources: (c) =>
      secured(c, {
        mutual: true,
        validation: {
          match_typed_subject_alt_names: [
            { san_type: 'URI', matcher: { prefix: 'spiffe://parity.test/ns/test/sa/gu' } },
            { san_type: 'DNS', matcher: { exact: 'client.test' } },
          ],
        },
      }),
    steps: [
      http('/', { status: 200 }, { tls: { identity: 'client' } }),
      http('/', { status: 200 }, { tls: { identity: 'guest' } }),
      tcp(GET, { received: '', connection: 'ended' }, { tls: { identity: 'other' } }),
    ],
  }),
  defineCase({
    name: 'a certificate comes by SDS and can be exchanged',
    resources: (c) => withSecret(c, 'server'),
    steps: [
      http('/', { status: 200, tls: { peer: 'spiffe://parity.test/ns/test/sa/server' } }, { tls: {} }),
      push((c) => ({ secrets: [secret(c, 'other')] })),
      http('/', { status: 200, tls: { peer: 'spiffe://parity.test/ns/test/sa/other' } }, { tls: {}, eventually: true }),
    ],
  }),
  // Towards backends.
  defineCase({
    name: 'TLS to the backend',
    backends: { main: { t: 'http1', replies: [{ body: 'secret' }], tls: { identity: 'server' } } },
    resources: (c) => origination(c, { sni: 'server.test' }),
    steps: [http('/', { status: 200, body: 'secret' })],
    log: [{ code: 200, flags: '-' }],
  }),
  defineCase({
    name: 'mutual TLS to the backend',
    backends: { main: { t: 'http1', replies: [{ body: 'secret' }], tls: { identity: 'server', mutual: true } } },
    resources: (c) => origination(c, { identity: 'client', sans: [uri('server')] }),
    steps: [http('/', { status: 200, body: 'secret' })],
  }),
  defineCase({
    name: 'a backend with another name is refused: 503 UF',
    backends: { main: { t: 'http1', replies: [{}], tls: { identity: 'other' } } },
    resources: (c) => origination(c, { sans: [uri('server')] }),
    steps: [http('/', { status: 503, body: /remote connection failure/ })],
    log: [{ code: 503, flags: 'UF', failure: /CERTIFICATE_VERIFY_FAILED/ }],
  }),
  defineCase({
    name: 'a backend of another root is refused: 503 UF',
    backends: { main: { t: 'http1', replies: [{}], tls: { identity: 'stranger' } } },
    resources: (c) => origination(c, {}),
    steps: [http('/', { status: 503, body: /remote connection failure/ })],
    log: [{ code: 503, flags: 'UF' }],
  }),
  defineCase({
    name: 'a backend without TLS: 503 UF',
    backends: { main: [{}] },
    resources: (c) => origination(c, {}),
    steps: [http('/', { status: 503 })],
    log: [{ code: 503, flags: 'UF' }],
  }),
  defineCase({
    name: 'endpoints choose their transport by metadata',
    backends: { safe: { t: 'http1', replies: [{ body: 'safe' }], tls: { identity: 'server' } }, plain: [{ body: 'plain' }] },
    resources: (c) => {
      const matches = [
        { name: 'tls', match: { tlsMode: 'istio' }, transport_socket: clientTls(c) },
        {
          name: 'plain',
          match: {},
          transport_socket: {
            name: 'envoy.transport_sockets.raw_buffer',
            typed_config: { '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer' },
          },
        },
      ];
      const metadata = { metadata: { filter_metadata: { 'envoy.transport_socket_match': { tlsMode: 'istio' } } } };
      const of = (name: string, more: object): object => ({
        endpoint: { address: { socket_address: { address: c.backend(name).host, port_value: c.backend(name).port } } },
        ...more,
      });
      const single = (name: string, more: object): object =>
        cluster(c, name, {
          transport_socket_matches: matches,
          load_assignment: { cluster_name: c.name(name), endpoints: [{ lb_endpoints: [of(name, more)] }] },
        });
      return {
        listeners: [listener(c, [hcm(c, [to(c, 'safe', { prefix: '/safe' }), to(c, 'plain')])])],
        clusters: [single('safe', metadata), single('plain', {})],
      };
    },
    steps: [http('/safe', { status: 200, body: 'safe' }), http('/', { status: 200, body: 'plain' })],
  }),
  // Passing through.
  defineCase({
    name: 'TLS passes through by SNI',
    backends: { main: { t: 'http1', replies: [{ body: 'passed' }], tls: { identity: 'server' } } },
    resources: (c) => ({
      listeners: [
        listener(c, [], {
          listener_filters: [TLS_INSPECTOR],
          filter_chains: [{ filter_chain_match: { server_names: ['server.test'] }, filters: [tcpProxy(c, 'main')] }],
        }),
      ],
      clusters: [cluster(c, 'main')],
    }),
    // The length of a signature varies.
    random: ['log.0.sent'],
    steps: [
      http('/', { status: 200, body: 'passed', tls: { peer: 'spiffe://parity.test/ns/test/sa/server' } }, { tls: { sni: 'server.test' } }),
      tcp(GET, { tls: { refused: true } }, { tls: { sni: 'other.test' } }),
    ],
  }),
];

function secret(c: CaseContext, identity: string): object {
  const { chain, key } = c.identity(identity);
  return { name: c.name('certificate'), tls_certificate: { certificate_chain: { inline_string: chain }, private_key: { inline_string: key } } };
}

function withSecret(c: CaseContext, identity: string): Resources {
  const common = { tls_certificate_sds_secret_configs: [{ name: c.name('certificate'), sds_config: ADS }] };
  const tls = { '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext', common_tls_context: common };
  const chain = { transport_socket: { name: 'envoy.transport_sockets.tls', typed_config: tls }, filters: [hcm(c, [direct('ok')])] };
  return { listeners: [listener(c, [], { filter_chains: [chain] })], secrets: [secret(c, identity)] };
}
