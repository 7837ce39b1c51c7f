import { defineCase, type ParityCase } from '../define.ts';
import type { CaseContext } from '../harness/context.ts';
import { accessLog, address, any, cluster, direct, hcm, listener, tcpProxy, to, type Resources } from '../resources.ts';
import { http, raw, tcp, type Part } from '../steps.ts';

const filter = (fields: object = {}): object => ({
  name: 'envoy.filters.listener.proxy_protocol',
  typed_config: any('filters.listener.proxy_protocol.v3.ProxyProtocol', fields),
});
const LOGGED = {
  peer: '%DOWNSTREAM_REMOTE_ADDRESS%',
  direct: '%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%',
  local: '%DOWNSTREAM_LOCAL_ADDRESS%',
};

/** One HTTP listener behind the filter, which adds the client's address to x-forwarded-for. */
function behind(fields: object = {}, logged: Readonly<Record<string, string>> = LOGGED): (c: CaseContext) => Resources {
  return (c) => ({
    listeners: [
      listener(c, [hcm(c, [to(c, 'main')], { use_remote_address: true, access_log: [accessLog(c, logged)] })], {
        listener_filters: [filter(fields)],
        listener_filters_timeout: '2s',
      }),
    ],
    clusters: [cluster(c, 'main')],
  });
}

const GET = 'GET / HTTP/1.1\r\nhost: a.example\r\n\r\n';
const V1 = 'PROXY TCP4 203.0.113.7 198.51.100.1 4711 443\r\n';
const V1_IPV6 = 'PROXY TCP6 2001:db8::7 2001:db8::1 4711 443\r\n';
const SIGNATURE = '\r\n\r\n\0\r\nQUIT\n';
const V2 = `${SIGNATURE}\x21\x11\x00\x0c\xcb\x00\x71\x07\xc6\x33\x64\x01\x12\x67\x01\xbb`;
const V2_LOCAL = `${SIGNATURE}\x20\x00\x00\x00`;
const V2_TLV = `${SIGNATURE}\x21\x11\x00\x13\xcb\x00\x71\x07\xc6\x33\x64\x01\x12\x67\x01\xbb\x04\x00\x04abcd`;

function served(name: string, head: string, peer: string, direct = '127.0.0.1'): ParityCase {
  return defineCase({
    name,
    resources: behind(),
    steps: [
      raw([head + GET, { responses: 1 }], {
        status: 200,
        backend: { headers: { 'x-forwarded-for': peer.replace(/:\d+$/, '').replace(/^\[|\]$/g, '') } },
      }),
    ],
    log: [{ code: 200, peer, direct }],
  });
}

/** The header is refused: nothing comes back, and the connection ends. */
function refused(name: string, send: string | readonly Part[], fields: object = {}): ParityCase {
  return defineCase({
    name,
    resources: behind(fields),
    steps: [tcp(typeof send === 'string' ? [send] : send, { received: '', connection: 'ended' })],
    log: [],
  });
}

/** A listener in front that tells the one behind it of the client. */
function telling(
  name: string,
  version: 'V1' | 'V2',
  kind: 'tcp' | 'http',
  inner: object = { name: 'raw', typed_config: any('transport_sockets.raw_buffer.v3.RawBuffer') },
): ParityCase {
  return defineCase({
    name,
    resources: (c) => {
      const { listeners = [], clusters = [] } = behind({}, {})(c);
      const front = kind === 'tcp' ? tcpProxy(c, 'second', { access_log: [] }) : hcm(c, [to(c, 'second')], { access_log: [] });
      const transport_socket = {
        name: 'proxy',
        typed_config: any('transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport', { config: { version }, transport_socket: inner }),
      };
      const endpoints = [{ lb_endpoints: [{ endpoint: { address: address(c.address, c.port('main')) } }] }];
      const load_assignment = { cluster_name: c.name('second'), endpoints };
      return {
        listeners: [...listeners, listener(c, [front], {}, 'front')],
        clusters: [...clusters, { ...cluster(c, 'main'), name: c.name('second'), transport_socket, load_assignment }],
      };
    },
    steps: ['127.0.0.77', '127.0.0.78', '127.0.0.77'].map((from) =>
      http(
        '/',
        { status: 200, backend: { headers: { 'x-forwarded-for': kind === 'tcp' ? from : new RegExp(`${from}$`) } } },
        { port: 'front', from },
      ),
    ),
    log: [{ code: 200 }, { code: 200 }, { code: 200 }],
  });
}

const RULES = {
  rules: [
    { tlv_type: 4, on_tlv_present: { key: 'first' } },
    { tlv_type: 4, on_tlv_present: { metadata_namespace: 'mine', key: 'four' } },
    { tlv_type: 5, on_tlv_present: { key: 'five' } },
    { tlv_type: 9, on_tlv_present: { key: 'nine' } },
  ],
};
const NAMED = '%DYNAMIC_METADATA(envoy.filters.listener.proxy_protocol:five)%';
const OWN = '%DYNAMIC_METADATA(mine:four)%';
const V2_TLVS = `${SIGNATURE}\x21\x11\x00\x17\xcb\x00\x71\x07\xc6\x33\x64\x01\x12\x67\x01\xbb\x04\x00\x04abcd\x05\x00\x01e`;
/** What the listener keeps, and what the cluster passes. */
const PASSED: readonly (readonly [name: string, kept: object, passed: object])[] = [
  ['all', {}, {}],
  ['those that the listener keeps', { match_type: 'INCLUDE', tlv_type: [5] }, {}],
  ['those that the cluster passes', {}, { match_type: 'INCLUDE', tlv_type: [4, 7] }],
];

function onlyWithMetadata(c: CaseContext): object {
  const permissions = [{ metadata: { filter: 'mine', path: [{ key: 'four' }], value: { string_match: { exact: 'abcd' } } } }];
  return {
    name: 'rbac',
    typed_config: any('filters.network.rbac.v3.RBAC', {
      stat_prefix: c.id,
      rules: { policies: { p: { permissions, principals: [{ any: true }] } } },
    }),
  };
}

function upstreamHeader(config: object): object {
  return {
    name: 'proxy',
    typed_config: any('transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport', {
      config,
      transport_socket: { name: 'raw', typed_config: any('transport_sockets.raw_buffer.v3.RawBuffer') },
    }),
  };
}

/** Who a client is, told by a proxy in front. */
export const cases = [
  served('version 1 tells the client', V1, '203.0.113.7:4711'),
  served('version 1 over IPv6', V1_IPV6, '[2001:db8::7]:4711'),
  served('version 2 tells the client', V2, '203.0.113.7:4711'),
  served('extensions of version 2 are skipped', V2_TLV, '203.0.113.7:4711'),
  defineCase({
    name: 'a header that comes byte by byte',
    resources: behind(),
    steps: [raw([...V1.split('').flatMap((character) => [character, { pauseMs: 1 }]), GET, { responses: 1 }], { status: 200 })],
    log: [{ code: 200, peer: '203.0.113.7:4711', local: '198.51.100.1:443' }],
  }),
  defineCase({
    name: 'UNKNOWN and LOCAL keep the own addresses of the connection',
    resources: behind(),
    steps: ['PROXY UNKNOWN\r\n', V2_LOCAL].map((head) =>
      raw([head + GET, { responses: 1 }], { status: 200, backend: { headers: { 'x-forwarded-for': '127.0.0.1' } } }),
    ),
    log: [
      { code: 200, direct: '127.0.0.1' },
      { code: 200, direct: '127.0.0.1' },
    ],
  }),
  refused('no header', GET),
  refused('a line without end', `PROXY TCP4 ${'1'.repeat(120)}`),
  refused('a malformed address', `PROXY TCP4 203.0.113.777 198.51.100.1 4711 443\r\n${GET}`),
  refused('a port beyond 65535', `PROXY TCP4 203.0.113.7 198.51.100.1 4711 70000\r\n${GET}`),
  refused('an unknown family', `PROXY TCP5 203.0.113.7 198.51.100.1 4711 443\r\n${GET}`),
  refused('version 2 with an unknown command', `${SIGNATURE}\x2f\x11\x00\x0c${'\0'.repeat(12)}${GET}`),
  refused('version 2 of another number', `${SIGNATURE}\x31\x11\x00\x0c${'\0'.repeat(12)}${GET}`),
  refused('version 2 whose addresses do not fit', `${SIGNATURE}\x21\x11\x00\x04\0\0\0\0${GET}`),
  refused('a version that is not allowed', V1 + GET, { disallowed_versions: ['V1'] }),
  defineCase({
    name: 'without a header where it is optional',
    resources: behind({ allow_requests_without_proxy_protocol: true }),
    steps: [raw([GET, { responses: 1 }], { status: 200 }), raw([V2 + GET, { responses: 1 }], { status: 200 })],
    log: [
      { code: 200, direct: '127.0.0.1' },
      { code: 200, peer: '203.0.113.7:4711' },
    ],
  }),
  defineCase({
    name: 'the header ends before bytes of TCP, and chains are chosen by the address that it tells',
    resources: (c) => ({
      listeners: [
        listener(c, [], {
          listener_filters: [filter()],
          filter_chains: [
            { filters: [tcpProxy(c, 'told')], filter_chain_match: { source_prefix_ranges: [{ address_prefix: '203.0.113.0', prefix_len: 24 }] } },
            { filters: [tcpProxy(c, 'other')] },
          ],
        }),
      ],
      clusters: [cluster(c, 'told'), cluster(c, 'other')],
    }),
    backends: { told: { t: 'tcp', tcp: { greeting: 'told' } }, other: { t: 'tcp', tcp: { greeting: 'other' } } },
    steps: [
      tcp([V1], { received: 'told' }, { until: 'told' }),
      tcp(['PROXY TCP4 192.0.2.1 198.51.100.1 4711 443\r\n'], { received: 'other' }, { until: 'other' }),
    ],
  }),
  telling('a cluster tells version 1 to its upstream, for TCP', 'V1', 'tcp'),
  telling('a cluster tells version 2 to its upstream, for TCP', 'V2', 'tcp'),
  telling('a cluster tells version 1 to its upstream, for HTTP, each client on connections of its own', 'V1', 'http'),
  telling('a cluster tells version 2 to its upstream, for HTTP', 'V2', 'http'),
  defineCase({
    name: 'extensions become metadata of the connection, which logs tell',
    resources: (c) => ({
      listeners: [
        listener(c, [tcpProxy(c, 'main', { access_log: [accessLog(c, { authority: NAMED, own: OWN })] })], { listener_filters: [filter(RULES)] }),
      ],
      clusters: [cluster(c, 'main')],
    }),
    backends: { main: { t: 'tcp', tcp: { greeting: 'hello' } } },
    steps: [tcp([V2_TLVS], { received: 'hello' }, { until: 'hello' }), tcp([V1], { received: 'hello' }, { until: 'hello' })],
    log: [{ authority: 'e', own: 'abcd' }, { authority: null }],
  }),
  defineCase({
    name: 'a policy for connections may ask for the metadata',
    resources: (c) => ({
      listeners: [
        listener(c, [], {
          listener_filters: [filter(RULES)],
          filter_chains: [{ filters: [onlyWithMetadata(c), hcm(c, [direct('served')])] }],
        }),
      ],
    }),
    steps: [raw([V2_TLV, GET, { responses: 1 }], { status: 200, body: 'served' }), tcp([V1, GET], { received: '', connection: 'ended' })],
    log: 'not compared',
  }),
  ...PASSED.map(([what, kept, passed]) =>
    defineCase({
      name: `extensions go on to the upstream: ${what}`,
      resources: (c) => ({
        listeners: [listener(c, [tcpProxy(c, 'main')], { listener_filters: [filter({ pass_through_tlvs: kept })] })],
        clusters: [
          cluster(c, 'main', {
            transport_socket: upstreamHeader({ version: 'V2', pass_through_tlvs: passed, added_tlvs: [{ type: 0xe0, value: 'eHl6' }] }),
          }),
        ],
      }),
      backends: { main: { t: 'tcp', tcp: { echo: true } } },
      steps: [tcp([V2_TLVS, 'hello'], { received: /hello$/ }, { until: 'hello' })],
    }),
  ),
];
