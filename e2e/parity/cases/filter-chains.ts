import { defineCase, type ParityCase } from '../define.ts';
import { any, direct, hcm, listener, serverTls, TLS_INSPECTOR } from '../resources.ts';
import type { CaseContext } from '../harness/context.ts';
import { http, tcp, type ClientTls, type Step } from '../steps.ts';

const HTTP_INSPECTOR = { name: 'envoy.filters.listener.http_inspector', typed_config: any('filters.listener.http_inspector.v3.HttpInspector') };
const REFUSED = 'refused';

interface Ask {
  readonly tls?: ClientTls;
  readonly from?: string;
  /** Name of the chain that answers, `refused` for none. */
  readonly chain: string;
}

/** Chains by name and match that answer with their name; chains for TLS have a certificate. */
function chains(
  name: string,
  matches: Readonly<Record<string, object>>,
  asks: readonly Ask[],
  more: (c: CaseContext) => Readonly<Record<string, unknown>> = () => ({ listener_filters: [TLS_INSPECTOR] }),
): ParityCase {
  return defineCase({
    name,
    resources: (c) => {
      const list = Object.entries(matches).map(([chain, match]) => ({
        name: chain,
        ...(chain === 'default' ? {} : { filter_chain_match: match }),
        ...(chain.startsWith('tls') ? { transport_socket: serverTls(c, 'server', { alpn: ['http/1.1', 'special'] }) } : {}),
        filters: [hcm(c, [direct(chain)])],
      }));
      const fallback = list.find((chain) => chain.name === 'default');
      return {
        listeners: [
          listener(c, [], {
            ...more(c),
            filter_chains: list.filter((chain) => chain.name !== 'default'),
            ...(fallback === undefined ? {} : { default_filter_chain: fallback }),
          }),
        ],
      };
    },
    steps: asks.map(({ chain, tls, from }): Step => {
      const options = { ...(tls === undefined ? {} : { tls }), ...(from === undefined ? {} : { from }) };
      if (chain !== REFUSED) return http('/', { status: 200, body: chain }, options);
      return tcp(
        'GET / HTTP/1.1\r\nhost: a\r\n\r\n',
        { received: '', connection: 'ended', ...(tls === undefined ? {} : { tls: { refused: true } }) },
        options,
      );
    }),
  });
}

/** Which filter chain of a listener serves a connection. */
export const cases = [
  chains('TLS and plain bytes are told apart', { tls: { transport_protocol: 'tls' }, plain: { transport_protocol: 'raw_buffer' } }, [
    { chain: 'plain' },
    { chain: 'tls', tls: {} },
  ]),
  chains('a server name exactly', { 'tls-a': { server_names: ['a.test'] }, 'tls-b': { server_names: ['b.test'] } }, [
    { chain: 'tls-a', tls: { sni: 'a.test' } },
    { chain: 'tls-b', tls: { sni: 'b.test' } },
    { chain: 'tls-a', tls: { sni: 'A.Test' } },
    { chain: REFUSED, tls: { sni: 'c.test' } },
    { chain: REFUSED, tls: {} },
  ]),
  chains(
    'a server name by wildcard, the longest suffix first',
    { 'tls-exact': { server_names: ['x.a.test'] }, 'tls-near': { server_names: ['*.a.test'] }, 'tls-far': { server_names: ['*.test'] } },
    [
      { chain: 'tls-exact', tls: { sni: 'x.a.test' } },
      { chain: 'tls-near', tls: { sni: 'y.a.test' } },
      { chain: 'tls-near', tls: { sni: 'z.y.a.test' } },
      { chain: 'tls-far', tls: { sni: 'a.test' } },
      { chain: REFUSED, tls: { sni: 'test' } },
    ],
  ),
  chains(
    'an application protocol',
    { 'tls-special': { transport_protocol: 'tls', application_protocols: ['special'] }, 'tls-rest': { transport_protocol: 'tls' } },
    [
      { chain: 'tls-special', tls: { alpn: ['special'] } },
      { chain: 'tls-rest', tls: { alpn: ['http/1.1'] } },
      { chain: 'tls-rest', tls: {} },
    ],
  ),
  chains(
    'a server name goes before an application protocol',
    { 'tls-name': { server_names: ['a.test'] }, 'tls-protocol': { application_protocols: ['special'] } },
    [
      { chain: 'tls-name', tls: { sni: 'a.test', alpn: ['http/1.1'] } },
      { chain: 'tls-protocol', tls: { sni: 'b.test', alpn: ['special'] } },
    ],
  ),
  chains('the default chain takes what no other does', { 'tls-a': { server_names: ['a.test'] }, default: {} }, [
    { chain: 'tls-a', tls: { sni: 'a.test' } },
    { chain: 'default' },
  ]),
  chains(
    'a source address',
    {
      near: { source_prefix_ranges: [{ address_prefix: '127.0.0.9', prefix_len: 32 }] },
      far: { source_prefix_ranges: [{ address_prefix: '127.0.0.0', prefix_len: 8 }] },
    },
    [
      { chain: 'near', from: '127.0.0.9' },
      { chain: 'far', from: '127.0.0.10' },
    ],
    () => ({}),
  ),
  chains(
    'a source address that nobody wants',
    { near: { source_prefix_ranges: [{ address_prefix: '127.0.0.9', prefix_len: 32 }] } },
    [
      { chain: 'near', from: '127.0.0.9' },
      { chain: REFUSED, from: '127.0.0.10' },
    ],
    () => ({}),
  ),
  chains(
    'a source that is this machine or loopback',
    { local: { source_type: 'SAME_IP_OR_LOOPBACK' }, external: { source_type: 'EXTERNAL' } },
    [{ chain: 'local', from: '127.0.0.1' }],
    () => ({}),
  ),
  defineCase({
    name: 'a destination address and port',
    resources: (c) => {
      const chain = (name: string, match: object): object => ({ name, filter_chain_match: match, filters: [hcm(c, [direct(name)])] });
      return {
        listeners: [
          listener(c, [], {
            filter_chains: [
              chain('here', { destination_port: c.port(), prefix_ranges: [{ address_prefix: c.address, prefix_len: 32 }] }),
              chain('elsewhere', { prefix_ranges: [{ address_prefix: '10.0.0.0', prefix_len: 8 }] }),
              chain('anywhere', {}),
            ],
          }),
        ],
      };
    },
    steps: [http('/', { status: 200, body: 'here' })],
  }),
  defineCase({
    name: 'a destination port goes before an address',
    resources: (c) => {
      const chain = (name: string, match: object): object => ({ name, filter_chain_match: match, filters: [hcm(c, [direct(name)])] });
      return {
        listeners: [
          listener(c, [], {
            filter_chains: [
              chain('port', { destination_port: c.port() }),
              chain('address', { prefix_ranges: [{ address_prefix: c.address, prefix_len: 32 }] }),
            ],
          }),
        ],
      };
    },
    steps: [http('/', { status: 200, body: 'port' })],
  }),
  chains('HTTP is told from other bytes', { http: { application_protocols: ['http/1.1', 'http/1.0'] }, default: {} }, [{ chain: 'http' }], () => ({
    listener_filters: [HTTP_INSPECTOR],
  })),
  defineCase({
    name: 'no chain for plain bytes: the connection ends at once',
    resources: (c) => ({
      listeners: [
        listener(c, [], {
          listener_filters: [TLS_INSPECTOR],
          filter_chains: [
            { filter_chain_match: { transport_protocol: 'tls' }, transport_socket: serverTls(c, 'server'), filters: [hcm(c, [direct('x')])] },
          ],
        }),
      ],
    }),
    steps: [tcp('GET / HTTP/1.1\r\nhost: a\r\n\r\n', { received: '', connection: 'ended' })],
    log: [],
  }),
  defineCase({
    name: 'a client that says nothing is let go after listener_filters_timeout',
    resources: (c) => ({
      listeners: [
        listener(c, [], {
          listener_filters: [TLS_INSPECTOR],
          listener_filters_timeout: '0.2s',
          filter_chains: [{ filter_chain_match: { transport_protocol: 'raw_buffer' }, filters: [hcm(c, [direct('x')])] }],
        }),
      ],
    }),
    steps: [tcp([], { received: '', connection: 'ended' })],
    log: [],
  }),
  defineCase({
    name: 'a client that says nothing goes on when that is configured',
    resources: (c) => ({
      listeners: [
        listener(c, [hcm(c, [direct('x')])], {
          listener_filters: [TLS_INSPECTOR],
          listener_filters_timeout: '0.2s',
          continue_on_listener_filters_timeout: true,
        }),
      ],
    }),
    steps: [tcp([{ pauseMs: 700 }, 'GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n'], { received: /200 OK/, connection: 'ended' })],
  }),
];
