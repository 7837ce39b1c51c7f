import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileListener } from './compile/listener.ts';
import { any, connection, listener, tcpProxy, socket } from './testing/samples.ts';

const chain = (name: string, match: object): object => ({ name, filter_chain_match: match, filters: [tcpProxy(name)] });

const tree = compileListener(
  listener({
    name: 'virtualInbound',
    address: socket('0.0.0.0', 15006),
    filter_chains: [
      chain('port', { destination_port: 9080 }),
      chain('port-mtls', { destination_port: 9080, transport_protocol: 'tls', application_protocols: ['istio', 'istio-http/1.1'] }),
      chain('port-tls', { destination_port: 9080, transport_protocol: 'tls' }),
      chain('net8', { prefix_ranges: [{ address_prefix: '10.0.0.0', prefix_len: 8 }] }),
      chain('net24', { prefix_ranges: [{ address_prefix: '10.1.1.0', prefix_len: 24 }], source_ports: [7] }),
      chain('sni', { server_names: ['www.example.com'], transport_protocol: 'tls' }),
      chain('wild', { server_names: ['*.example.com'] }),
      chain('local', { source_type: 'SAME_IP_OR_LOOPBACK' }),
    ],
    default_filter_chain: { name: 'default', filters: [tcpProxy('x')] },
  }),
  () => undefined,
);

const CASES: readonly (readonly [string, Parameters<typeof connection>[0], string])[] = [
  ['plain bytes on the port', {}, 'port'],
  ['mesh TLS on the port', { transportProtocol: 'tls', applicationProtocols: ['istio-http/1.1', 'http/1.1'] }, 'port-mtls'],
  ['foreign TLS on the port', { transportProtocol: 'tls', applicationProtocols: ['h2'] }, 'port-tls'],
  ['range', { destination: { address: '10.9.9.9', port: 1 } }, 'net8'],
  ['the longer range wins, and there is no way back from it', { destination: { address: '10.1.1.5', port: 1 } }, 'default'],
  ['the longer range with its source port', { destination: { address: '10.1.1.5', port: 1 }, source: { address: '10.0.0.9', port: 7 } }, 'net24'],
  ['server name', { destination: { address: '192.0.2.1', port: 1 }, transportProtocol: 'tls', serverName: 'www.example.com' }, 'sni'],
  [
    'an exact name that fails later does not fall back to the wildcard',
    { destination: { address: '192.0.2.1', port: 1 }, serverName: 'www.example.com' },
    'default',
  ],
  ['wildcard of any depth', { destination: { address: '192.0.2.1', port: 1 }, serverName: 'a.b.example.com' }, 'wild'],
  ['loopback', { destination: { address: '192.0.2.1', port: 1 }, source: { address: '127.0.0.1', port: 1 } }, 'local'],
  ['nothing matches', { destination: { address: '192.0.2.1', port: 1 } }, 'default'],
];

for (const [title, fields, expected] of CASES) {
  test(`filter chain: ${title}`, () => {
    assert.equal(tree.selectChain(connection(fields))?.config.name, expected);
  });
}

test('filter chain: none without a default', () => {
  const only = compileListener(
    listener({ name: 'l', address: socket('::', 1), filter_chains: [chain('a', { destination_port: 1 })] }),
    () => undefined,
  );
  assert.equal(only.selectChain(connection()), undefined);
  assert.equal(only.inspects(80).tls, false);
});

test('first bytes are looked at where the filter is not disabled', () => {
  const inspector = (name: string, message: string, disabled: object): object => ({
    name,
    typed_config: any(`envoy.extensions.filters.listener.${name}.v3.${message}`, {}),
    filter_disabled: disabled,
  });
  const ports = (start: number, end: number): object => ({ destination_port_range: { start, end } });
  const looking = compileListener(
    listener({
      name: 'l',
      address: socket('::', 1),
      filter_chains: [chain('a', {})],
      listener_filters: [
        inspector('tls_inspector', 'TlsInspector', { and_match: { rules: [ports(80, 90), { not_match: ports(85, 86) }] } }),
        inspector('http_inspector', 'HttpInspector', { not_match: { or_match: { rules: [ports(80, 81), ports(85, 86)] } } }),
      ],
    }),
    () => undefined,
  );
  const at = (port: number): string =>
    Object.entries(looking.inspects(port))
      .flatMap(([what, looks]) => (looks ? [what] : []))
      .join();
  assert.deepEqual([79, 80, 81, 85, 90].map(at), ['tls', 'http', '', 'tls,http', 'tls']);
});
