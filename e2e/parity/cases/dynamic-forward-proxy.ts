import { defineCase, type ParityCase } from '../define.ts';
import type { CaseContext } from '../harness/context.ts';
import { any, cluster, http1, listener, ROUTER, tcpProxy, TLS_INSPECTOR, to, type Resources } from '../resources.ts';
import { http, push, tcp } from '../steps.ts';

/** No resolver answers there: names other than the loopback's fail soon. */
const cache = (c: CaseContext, more: object = {}): object => ({
  name: c.name('cache'),
  dns_lookup_family: 'V4_ONLY',
  dns_query_timeout: '0.4s',
  typed_dns_resolver_config: {
    name: 'envoy.network.dns_resolver.cares',
    typed_config: any('network.dns_resolver.cares.v3.CaresDnsResolverConfig', {
      resolvers: [{ socket_address: { address: '127.0.0.1', port_value: 1 } }],
    }),
  },
  ...more,
});

function dynamic(c: CaseContext, more: object = {}, config: object = { dns_cache_config: cache(c) }): object {
  return {
    name: c.name('dynamic'),
    connect_timeout: '2s',
    lb_policy: 'CLUSTER_PROVIDED',
    cluster_type: { name: 'envoy.clusters.dynamic_forward_proxy', typed_config: any('clusters.dynamic_forward_proxy.v3.ClusterConfig', config) },
    ...more,
  };
}

const filter = (c: CaseContext, more: object = {}): object => ({
  name: 'dfp',
  typed_config: any('filters.http.dynamic_forward_proxy.v3.FilterConfig', { dns_cache_config: cache(c, more) }),
});

interface Setup {
  readonly route?: object;
  readonly more?: object;
}

function proxied(c: CaseContext, { route = {}, more = {} }: Setup = {}): Resources {
  return http1(c, [to(c, 'other', { path: '/other' }), to(c, 'dynamic', { prefix: '/' }, {}, route)], { http_filters: [filter(c, more), ROUTER] }, [
    dynamic(c, {}, { dns_cache_config: cache(c, more) }),
    cluster(c, 'other', {}, ['main']),
  ]);
}

const perRoute = (config: object): object => ({
  typed_per_filter_config: { dfp: any('filters.http.dynamic_forward_proxy.v3.PerRouteConfig', config) },
});
const portOf = (c: CaseContext): number => c.backend('main').port;

/** The address of the backend is known to the case only: the host is taken from the path that the route rewrites into a header. */
function toBackend(name: string, host: (c: CaseContext) => string, expect: object, more: object = {}, random: readonly string[] = []): ParityCase {
  return defineCase({
    name,
    random,
    resources: (c) => proxied(c, { route: perRoute({ host_rewrite_literal: host(c) }), more }),
    steps: [http('/x', expect), http('/x', expect)],
  });
}

function refused(name: string, change: (c: CaseContext) => object): ParityCase {
  return defineCase({ name, steps: [push((c) => ({ clusters: [change(c)] }), { verdict: 'nack' })] });
}

const OPTIONS = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';
const options = (names: object): object => ({
  typed_extension_protocol_options: {
    [OPTIONS]: any('upstreams.http.v3.HttpProtocolOptions', { explicit_http_config: { http_protocol_options: {} }, ...names }),
  },
});

/** Clusters whose hosts are what requests and connections name. */
export const cases = [
  toBackend('an address as the host', (c) => `${c.backend('main').host}:${portOf(c)}`, { status: 200, body: 'main' }),
  toBackend(
    'a name as the host',
    (c) => `localhost:${portOf(c)}`,
    { status: 200, body: 'main', backend: { headers: { host: /^localhost/ } } },
    {},
    // The port is another one for each proxy.
    ['*.backend.*.headers.host', 'log.*.authority'],
  ),
  toBackend('a name that is not found', () => 'nobody.example:80', { status: 503, body: 'DNS resolution failure', backend: null }),
  toBackend('no port is that of HTTP, where nobody is', () => '127.0.0.9', { status: 503, backend: null }),
  defineCase({
    name: 'the host stands in a header of the request',
    resources: (c) => proxied(c, { route: perRoute({ host_rewrite_header: 'x-host' }) }),
    steps: [http({ headers: { 'x-host': 'nobody.example' } }, { status: 503, body: 'DNS resolution failure' })],
    log: [{ code: 503, flags: 'DF' }],
  }),
  defineCase({
    name: 'requests to other clusters are let alone',
    resources: (c) => proxied(c),
    steps: [http('/other', { status: 200, body: 'main' })],
  }),
  defineCase({
    name: 'more names than the cache may hold',
    resources: (c) => proxied(c, { more: { max_hosts: 1 } }),
    steps: [
      http({ host: 'one.example' }, { status: 503, body: 'DNS resolution failure' }),
      http({ host: 'two.example' }, { status: 503, body: 'DNS cache overflow' }),
    ],
  }),
  refused('a balancer of its own', (c) => dynamic(c, { lb_policy: 'ROUND_ROBIN' })),
  refused('options that leave the name unchecked', (c) => dynamic(c, options({}))),
  refused('options that check no name', (c) => dynamic(c, options({ upstream_http_protocol_options: { auto_sni: true } }))),
  refused('a cache without a name', (c) => dynamic(c, {}, { dns_cache_config: {} })),
  refused('no host in the cache', (c) => dynamic(c, {}, { dns_cache_config: cache(c, { max_hosts: 0 }) })),
  refused('no time between lookups', (c) => dynamic(c, {}, { dns_cache_config: cache(c, { dns_refresh_rate: '0s' }) })),
  refused('less than a second between lookups', (c) => dynamic(c, {}, { dns_cache_config: cache(c, { dns_min_refresh_rate: '0.5s' }) })),
  defineCase({
    name: 'a connection whose server name is not found',
    resources: (c) => ({ listeners: [bySni(c)], clusters: [dynamic(c)] }),
    steps: [tcp([{ pauseMs: 1 }], { received: '', connection: 'ended', tls: { refused: true } }, { tls: { sni: 'nobody.example' } })],
    log: [{ flags: 'UH' }],
  }),
  defineCase({
    name: 'a connection without a server name',
    resources: (c) => ({ listeners: [bySni(c)], clusters: [dynamic(c)] }),
    steps: [tcp(['GET / HTTP/1.1\r\n\r\n'], { received: '', connection: 'ended' })],
    log: [{ flags: 'UH' }],
  }),
];

function bySni(c: CaseContext): object {
  const sni = {
    name: 'sni',
    typed_config: any('filters.network.sni_dynamic_forward_proxy.v3.FilterConfig', { dns_cache_config: cache(c), port_value: 443 }),
  };
  return listener(c, [sni, tcpProxy(c, 'dynamic')], { listener_filters: [TLS_INSPECTOR] });
}
