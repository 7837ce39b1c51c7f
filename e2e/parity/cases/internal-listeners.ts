import { defineCase } from '../define.ts';
import type { CaseContext } from '../harness/context.ts';
import { accessLog, any, cluster, direct, hcm, http1, HTTP2_UPSTREAM, listener, tcpProxy, to } from '../resources.ts';
import { http, push, raw, tcp } from '../steps.ts';

/** A listener that only this process reaches. */
function inner(c: CaseContext, filters: readonly object[], more: object = {}): object {
  return { name: c.name('inner'), internal_listener: {}, filter_chains: [{ filters }], ...more };
}

/** A cluster that leads to it. */
function inside(c: CaseContext, more: object = {}, metadata: object = {}): object {
  const address = { envoy_internal_address: { server_listener_name: c.name('inner'), endpoint_id: 'one' } };
  return {
    name: c.name('inside'),
    type: 'STATIC',
    connect_timeout: '2s',
    load_assignment: { cluster_name: c.name('inside'), endpoints: [{ lb_endpoints: [{ endpoint: { address }, ...metadata }] }] },
    ...more,
  };
}

const RAW = { name: 'raw', typed_config: any('transport_sockets.raw_buffer.v3.RawBuffer') };
const passing = (sources: readonly object[]): object => ({
  transport_socket: {
    name: 'internal',
    typed_config: any('transport_sockets.internal_upstream.v3.InternalUpstreamTransport', { passthrough_metadata: sources, transport_socket: RAW }),
  },
});
const ORIGINAL_DST = { name: 'original-dst', typed_config: any('filters.listener.original_dst.v3.OriginalDst') };
const DST = 'envoy.filters.listener.original_dst';

/** The backend's address, told to the original destination filter. */
function leadsTo(c: CaseContext): object {
  const { host, port } = c.backend('main');
  return { metadata: { filter_metadata: { [DST]: { local: `${host}:${port}` } } } };
}

const original = (c: CaseContext, more: object = {}): object => ({
  name: c.name('original'),
  type: 'ORIGINAL_DST',
  lb_policy: 'CLUSTER_PROVIDED',
  connect_timeout: '2s',
  ...more,
});
const BIG = 'x'.repeat(300_000);

/** One listener hands to another inside of the process. */
export const cases = [
  defineCase({
    name: 'bytes go to a connection manager inside',
    resources: (c) => ({
      listeners: [listener(c, [tcpProxy(c, 'inside', { access_log: [] })]), inner(c, [hcm(c, [to(c, 'main')])])],
      clusters: [inside(c), cluster(c, 'main')],
    }),
    steps: [http('/a', { status: 200, body: 'main' }), http({ method: 'POST', body: BIG }, { status: 200, backend: { body: BIG } })],
    log: [{ code: 200 }, { code: 200 }],
  }),
  defineCase({
    name: 'requests go to a connection manager inside, over connections that are kept',
    resources: (c) => ({
      listeners: [listener(c, [hcm(c, [to(c, 'inside')], { access_log: [] })]), inner(c, [hcm(c, [to(c, 'main')])])],
      clusters: [inside(c), cluster(c, 'main')],
    }),
    steps: [
      http('/a', { status: 200, body: 'main' }),
      http('/b', { status: 200, body: 'main' }),
      http({ method: 'POST', body: ['one', 'two'] }, { status: 200, backend: { body: 'onetwo' } }),
    ],
    log: [{ path: '/a' }, { path: '/b' }, { method: 'POST' }],
  }),
  defineCase({
    name: 'HTTP/2 inside',
    resources: (c) => ({
      listeners: [listener(c, [hcm(c, [to(c, 'inside')], { access_log: [] })]), inner(c, [hcm(c, [to(c, 'main')])])],
      clusters: [inside(c, HTTP2_UPSTREAM), cluster(c, 'main')],
    }),
    steps: [http('/a', { status: 200, body: 'main' }), http({ method: 'POST', body: BIG }, { status: 200, backend: { body: BIG } })],
    log: [{ protocol: 'HTTP/2' }, { protocol: 'HTTP/2' }],
  }),
  defineCase({
    name: 'nobody listens inside',
    resources: (c) => http1(c, [to(c, 'inside')], {}, [inside(c)]),
    steps: [http('/', { status: 503 })],
    log: [{ code: 503, flags: 'UF' }],
  }),
  defineCase({
    name: 'metadata of host and cluster goes with the connection',
    backends: { main: { t: 'tcp', tcp: { greeting: 'hello' } } },
    resources: (c) => ({
      listeners: [
        listener(c, [tcpProxy(c, 'inside', { access_log: [] })]),
        inner(c, [tcpProxy(c, 'main', { access_log: [accessLog(c, { host: '%DYNAMIC_METADATA(one:a)%', other: '%DYNAMIC_METADATA(two:b)%' })] })]),
      ],
      clusters: [
        inside(
          c,
          {
            ...passing([
              { kind: { host: {} }, name: 'one' },
              { kind: { cluster: {} }, name: 'two' },
            ]),
            metadata: { filter_metadata: { two: { b: 'of the cluster' } } },
          },
          { metadata: { filter_metadata: { one: { a: 'of the host' }, three: { c: 'stays' } } } },
        ),
        cluster(c, 'main'),
      ],
    }),
    steps: [tcp([], { received: 'hello' }, { until: 'hello' })],
    log: [{ host: 'of the host', other: 'of the cluster' }],
  }),
  defineCase({
    name: 'the original destination comes with the metadata',
    backends: { main: { t: 'tcp', tcp: { greeting: 'hello' } } },
    resources: (c) => ({
      listeners: [
        listener(c, [tcpProxy(c, 'inside', { access_log: [] })]),
        inner(c, [tcpProxy(c, 'original')], { listener_filters: [ORIGINAL_DST] }),
      ],
      clusters: [inside(c, passing([{ kind: { host: {} }, name: DST }]), leadsTo(c)), original(c)],
    }),
    steps: [tcp([], { received: 'hello' }, { until: 'hello' })],
  }),
  defineCase({
    name: 'the original destination comes with the metadata, for requests',
    resources: (c) => ({
      listeners: [
        listener(c, [hcm(c, [to(c, 'inside')], { access_log: [] })]),
        inner(c, [hcm(c, [to(c, 'original')])], { listener_filters: [ORIGINAL_DST] }),
      ],
      clusters: [inside(c, passing([{ kind: { host: {} }, name: DST }]), leadsTo(c)), original(c)],
    }),
    steps: [http('/', { status: 200, body: 'main' })],
  }),
  defineCase({
    name: 'a header says where to go',
    resources: (c) => http1(c, [to(c, 'original')], {}, [original(c, { original_dst_lb_config: { use_http_header: true } })]),
    steps: [
      http({ headers: { 'x-envoy-original-dst-host': 'nonsense' } }, { status: 503 }),
      http({ headers: { 'x-envoy-original-dst-host': '127.0.0.1:1' } }, { status: 503 }),
    ],
    log: 'not compared',
  }),
  defineCase({
    name: 'the client ends, and so does what is inside',
    resources: (c) => ({
      listeners: [listener(c, [tcpProxy(c, 'inside', { access_log: [] })]), inner(c, [hcm(c, [direct('inside')])])],
      clusters: [inside(c)],
    }),
    steps: [raw('GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n', { status: 200, body: 'inside', connection: 'ended' })],
    log: [{ code: 200 }],
  }),
  defineCase({
    name: 'an internal listener has no address',
    steps: [
      push((c) => ({ listeners: [{ ...(listener(c, [hcm(c, [direct('x')])], {}, 'bad') as object), internal_listener: {} }] }), { verdict: 'nack' }),
    ],
  }),
];
