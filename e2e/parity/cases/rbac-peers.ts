import { defineCase, type ParityCase } from '../define.ts';
import { chain, filtered } from '../filters.ts';
import type { CaseContext } from '../harness/context.ts';
import { ANY, deny, denyBy, header, PASSED, path, policy, REFUSED, withHeader } from '../rbac.ts';
import { any, cluster, hcm, http1, listener, serverTls, tcpProxy, TLS_INSPECTOR, to, type Resources } from '../resources.ts';
import { http, push, raw, tcp, type Step } from '../steps.ts';

/** A TLS listener that asks for client certificates, with filters before the router. */
function mutual(c: CaseContext, filters: readonly object[]): Resources {
  const resources = filtered(c, filters);
  const [plain] = resources.listeners as readonly { readonly filter_chains: readonly { readonly filters: readonly object[] }[] }[];
  const tls = { filters: plain?.filter_chains[0]?.filters, transport_socket: serverTls(c, 'server', { mutual: true }) };
  return { ...resources, listeners: [listener(c, [], { listener_filters: [TLS_INSPECTOR], filter_chains: [tls] })] };
}

const asClient = { tls: { identity: 'client', sni: 'server.test' } } as const;
const asGuest = { tls: { identity: 'guest', sni: 'other.test' } } as const;
const named = (match: object): object => ({ authenticated: { principal_name: match } });

/** Who is refused over mutual TLS: the client is, the guest is not. */
function deniesPeer(name: string, principal: object, permission: object = ANY): ParityCase {
  return defineCase({
    name,
    resources: (c) => mutual(c, [deny(permission, principal)]),
    steps: [http('/', REFUSED, asClient), http('/', PASSED, asGuest)],
  });
}

const network = (config: object): object => ({
  name: 'rbac',
  typed_config: any('filters.network.rbac.v3.RBAC', { stat_prefix: 'tcp.', ...config }),
});

function tcpCase(name: string, config: object, step: Step): ParityCase {
  return defineCase({
    name,
    backends: { main: { t: 'tcp', tcp: { echo: true } } },
    resources: (c) => ({ listeners: [listener(c, [network(config), tcpProxy(c, 'main')])], clusters: [cluster(c, 'main')] }),
    steps: [step],
  });
}

/** Access control by who calls, from where and to where; of connections, too. */
export const cases = [
  defineCase({
    name: 'the address of the peer, and the one that x-forwarded-for names',
    resources: (c) =>
      http1(c, [to(c, 'main')], {
        xff_num_trusted_hops: 0,
        ...chain(c, [
          denyBy({
            client: policy(path({ exact: '/client' }), { remote_ip: { address_prefix: '10.1.0.0', prefix_len: 16 } }),
            peer: policy(path({ exact: '/peer' }), { direct_remote_ip: { address_prefix: '10.1.0.0', prefix_len: 16 } }),
          }),
        ]),
      }),
    steps: [
      http({ path: '/client', ...withHeader('x-forwarded-for', '10.2.0.1, 10.1.2.3') }, REFUSED),
      http({ path: '/client', ...withHeader('x-forwarded-for', '10.1.2.3, 10.2.0.1') }, PASSED),
      http({ path: '/peer', ...withHeader('x-forwarded-for', '10.1.2.3') }, PASSED),
      http({ path: '/client', ...withHeader('x-forwarded-for', 'nobody') }, PASSED),
    ],
  }),
  defineCase({
    name: 'the address of a peer',
    resources: (c) => filtered(c, [deny(ANY, { direct_remote_ip: { address_prefix: '127.0.0.9', prefix_len: 32 } })]),
    steps: [http('/', REFUSED, { from: '127.0.0.9' }), http('/', PASSED, { from: '127.0.0.8' })],
  }),
  defineCase({
    name: 'the port and address that were called',
    resources: (c) =>
      filtered(c, [
        denyBy({
          port: policy({ and_rules: { rules: [path({ exact: '/port' }), { destination_port: c.port() }] } }),
          range: policy({
            and_rules: { rules: [path({ exact: '/range' }), { destination_port_range: { start: c.port(), end: c.port() + 1 } }] },
          }),
          below: policy({ and_rules: { rules: [path({ exact: '/below' }), { destination_port_range: { start: 1, end: c.port() } }] } }),
          address: policy({
            and_rules: { rules: [path({ exact: '/address' }), { destination_ip: { address_prefix: c.address, prefix_len: 32 } }] },
          }),
        }),
      ]),
    steps: [http('/port', REFUSED), http('/range', REFUSED), http('/below', PASSED), http('/address', REFUSED)],
  }),
  deniesPeer('a peer by the URI of its certificate', named({ suffix: '/sa/client' })),
  deniesPeer('a peer by a DNS name of its certificate', named({ exact: 'client.test' })),
  deniesPeer('a peer by regular expression', named({ safe_regex: { regex: 'spiffe://parity.test/ns/.*/sa/client' } })),
  deniesPeer('a connection by its server name', ANY, { requested_server_name: { exact: 'server.test' } }),
  defineCase({
    name: 'any TLS peer is authenticated, a plain one is not',
    resources: (c) => mutual(c, [deny(ANY, { authenticated: {} })]),
    steps: [http('/', REFUSED, asClient)],
  }),
  defineCase({
    name: 'a plain peer is not authenticated',
    resources: (c) => filtered(c, [deny(ANY, { authenticated: {} })]),
    steps: [http('/', PASSED)],
  }),
  tcpCase('a connection that a policy allows', { rules: { policies: { p: policy(ANY) } } }, tcp('hello', { received: 'hello' }, { until: 'hello' })),
  tcpCase('a connection on trial', { shadow_rules: {} }, tcp('hello', { received: 'hello' }, { until: 'hello' })),
  defineCase({
    name: 'a connection has no headers to be asked for',
    steps: [
      push(
        (c) => ({
          listeners: [
            listener(c, [network({ rules: { policies: { p: policy(header('x', { present_match: true })) } } }), tcpProxy(c, 'main')], {}, 'bad'),
          ],
        }),
        { verdict: 'nack' },
      ),
    ],
  }),
  defineCase({
    name: 'a connection is refused by its address, before it can ask anything',
    resources: (c) => ({
      listeners: [
        listener(c, [
          network({ rules: { action: 'DENY', policies: { p: policy(ANY, { direct_remote_ip: { address_prefix: '127.0.0.7', prefix_len: 32 } }) } } }),
          hcm(c, [to(c, 'main')]),
        ]),
      ],
      clusters: [cluster(c, 'main')],
    }),
    steps: [
      http('/', PASSED),
      raw('GET / HTTP/1.1\r\nhost: a\r\n\r\n', { responses: [], connection: 'ended', backend: null }, { from: '127.0.0.7' }),
    ],
  }),
];
