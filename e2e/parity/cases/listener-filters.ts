import { defineCase } from '../define.ts';
import type { BackendScript } from '../backend/script.ts';
import type { CaseContext } from '../harness/context.ts';
import { any, cluster, direct, hcm, listener, serverTls, tcpProxy, TLS_INSPECTOR, type Resources } from '../resources.ts';
import { tcp } from '../steps.ts';

const HTTP_INSPECTOR = {
  name: 'envoy.filters.listener.http_inspector',
  typed_config: any('filters.listener.http_inspector.v3.HttpInspector'),
};
const PROXY_PROTOCOL = {
  name: 'envoy.filters.listener.proxy_protocol',
  typed_config: any('filters.listener.proxy_protocol.v3.ProxyProtocol'),
};
const OPTIONAL_PROXY_PROTOCOL = {
  name: 'envoy.filters.listener.proxy_protocol',
  typed_config: any('filters.listener.proxy_protocol.v3.ProxyProtocol', { allow_requests_without_proxy_protocol: true }),
};
const GREETS: Readonly<Record<string, BackendScript>> = { main: { t: 'tcp', tcp: { greeting: 'hello' } } };
const GET = 'GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n';

/** Bytes go to `main`, behind these filters. */
function behind(filters: readonly object[], more: object): (c: CaseContext) => Resources {
  return (c) => ({ listeners: [listener(c, [tcpProxy(c, 'main')], { listener_filters: filters, ...more })], clusters: [cluster(c, 'main')] });
}

const SHORT = { listener_filters_timeout: '0.2s' };
const GOES_ON = { ...SHORT, continue_on_listener_filters_timeout: true };

/** Chains that answer with their names. */
function named(c: CaseContext, more: object, filters: readonly object[]): Resources {
  return {
    listeners: [
      listener(c, [], {
        listener_filters: filters,
        filter_chains: [
          { filter_chain_match: { transport_protocol: 'tls' }, transport_socket: serverTls(c, 'server'), filters: [hcm(c, [direct('tls')])] },
          { filter_chain_match: { application_protocols: ['http/1.1'] }, filters: [hcm(c, [direct('http')])] },
          { filter_chain_match: { transport_protocol: 'raw_buffer' }, filters: [hcm(c, [direct('raw')])] },
        ],
        ...more,
      }),
    ],
  };
}

/** What listener filters wait for, how long, and what becomes of a connection then. */
export const cases = [
  ...[TLS_INSPECTOR, HTTP_INSPECTOR, PROXY_PROTOCOL].flatMap((filter, index) => [
    defineCase({
      name: `a silent client is let go, also where no chain asks what it speaks: ${index}`,
      backends: GREETS,
      resources: behind([filter], SHORT),
      steps: [tcp([], { received: '', connection: 'ended' })],
      log: [],
    }),
    defineCase({
      name: `a silent client is served in the end where that is configured: ${index}`,
      backends: GREETS,
      resources: behind([filter], GOES_ON),
      steps: [tcp([], { received: 'hello' }, { until: 'hello' })],
    }),
    defineCase({
      name: `a client that ends before it says anything: ${index}`,
      backends: GREETS,
      resources: behind([filter], { listener_filters_timeout: '2s' }),
      steps: [tcp([{ fin: true }], { connection: 'ended' })],
      log: 'not compared',
    }),
  ]),
  defineCase({
    name: 'without a time-out a silent client is waited for',
    resources: (c) => named(c, { listener_filters_timeout: '0s' }, [TLS_INSPECTOR]),
    steps: [tcp([{ pauseMs: 300 }, GET], { received: /raw$/, connection: 'ended' })],
  }),
  defineCase({
    name: 'a client that ends in the middle of a request line',
    resources: (c) => named(c, { listener_filters_timeout: '2s' }, [TLS_INSPECTOR, HTTP_INSPECTOR]),
    steps: [tcp(['GET / HT', { pauseMs: 100 }, { fin: true }], { connection: 'ended' })],
    log: 'not compared',
  }),
  defineCase({
    name: 'a client that ends in the middle of a hello',
    resources: (c) => named(c, { listener_filters_timeout: '2s' }, [TLS_INSPECTOR, HTTP_INSPECTOR]),
    steps: [tcp(['\x16\x03\x01\x00\x80', { pauseMs: 100 }, { fin: true }], { connection: 'ended' })],
    log: 'not compared',
  }),
  defineCase({
    name: 'a request line that takes too long is no HTTP',
    resources: (c) => named(c, GOES_ON, [TLS_INSPECTOR, HTTP_INSPECTOR]),
    steps: [tcp(['GET / HT', { pauseMs: 500 }, 'TP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n'], { received: /raw$/, connection: 'ended' })],
  }),
  defineCase({
    name: 'a hello that takes too long is no TLS',
    resources: (c) => named(c, GOES_ON, [TLS_INSPECTOR, HTTP_INSPECTOR]),
    steps: [tcp(['\x16\x03\x01\x00\x80', { pauseMs: 500 }, 'x\r\n\r\n'], { received: /^HTTP\/1.1 400/, connection: 'ended' })],
    log: 'not compared',
  }),
  defineCase({
    name: 'the time-out is of all filters together',
    // One that began anew with each filter would end after 1.75 s.
    resources: (c) => named(c, { listener_filters_timeout: '1s' }, [PROXY_PROTOCOL, TLS_INSPECTOR, HTTP_INSPECTOR]),
    steps: [
      tcp([{ pauseMs: 750 }, 'PROXY TCP4 203.0.113.7 198.51.100.1 4711 443\r\n', { pauseMs: 700 }, GET], { received: '', connection: 'ended' }),
    ],
    log: [],
  }),
  defineCase({
    name: 'a header of the PROXY protocol that takes too long belongs to the bytes',
    backends: { main: { t: 'tcp', tcp: { echo: true } } },
    resources: behind([PROXY_PROTOCOL], GOES_ON),
    steps: [tcp(['PROXY TCP4 ', { pauseMs: 500 }, 'abc'], { received: 'PROXY TCP4 abc' }, { until: 'abc' })],
  }),
  defineCase({
    name: 'the same where a header is optional',
    backends: { main: { t: 'tcp', tcp: { echo: true } } },
    resources: behind([OPTIONAL_PROXY_PROTOCOL], GOES_ON),
    steps: [tcp(['PROXY TCP4 ', { pauseMs: 500 }, 'abc'], { received: 'PROXY TCP4 abc' }, { until: 'abc' })],
  }),
  defineCase({
    name: 'a header behind which nothing comes',
    backends: GREETS,
    resources: behind([PROXY_PROTOCOL, TLS_INSPECTOR], GOES_ON),
    steps: [tcp(['PROXY TCP4 203.0.113.7 198.51.100.1 4711 443\r\n'], { received: 'hello' }, { until: 'hello' })],
  }),
];
