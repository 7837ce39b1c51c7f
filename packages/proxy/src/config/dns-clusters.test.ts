import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { test } from 'node:test';
import { decodeCluster } from '@meltemi/runtime';
import { startFakeAgent } from '../testing/fake-agent.ts';
import { createFakeTime } from '../testing/fake-time.ts';
import { createHarness, nodeOf, until } from '../testing/harness.ts';
import { cluster, hcm, loopback, plainListener, routeTo } from '../testing/build.ts';
import { startPlane } from '../testing/plane.ts';
import { httpListener, routesTo } from '../testing/resources.ts';
import { TYPE_URL } from '@meltemi/protos-types';
import { createResolve } from '../dns/resolve-name.ts';
import { createDnsClusters } from './dns-clusters.ts';

const TTL_S = 30;
const silent = { debug() {}, info() {}, warn() {}, error() {} };

/** A DNS server that answers every question for an IPv4 address with this one; 'black hole' = it takes questions and says nothing. */
async function startNameServer() {
  const socket = createSocket('udp4');
  const server = { mode: 'answers' as 'answers' | 'black hole', address: '127.0.0.1', asked: 0, port: 0 };
  socket.on('message', (question, from) => {
    server.asked++;
    if (server.mode === 'black hole') return;
    const end = question.indexOf(0, 12) + 5;
    const head = Buffer.from(question.subarray(0, end));
    head.writeUInt16BE(0x8180, 2);
    head.writeUInt16BE(1, 6);
    head.fill(0, 8, 12);
    const answer = Buffer.from([0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, TTL_S, 0, 4, ...server.address.split('.').map(Number)]);
    socket.send(Buffer.concat([head, answer]), from.port, from.address);
  });
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  server.port = socket.address().port;
  return Object.assign(server, { [Symbol.asyncDispose]: () => new Promise<void>((resolve) => void socket.close(() => resolve())) });
}

const named = (port: number, more: object = {}): object => ({
  ...cluster('named', []),
  type: 'STRICT_DNS',
  respect_dns_ttl: true,
  dns_lookup_family: 'V4_ONLY',
  load_assignment: {
    cluster_name: 'named',
    endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: 'app.example', port_value: port } } } }] }],
  },
  ...more,
});

/** The cluster's own name server. */
const asking = (port: number): object => ({
  typed_dns_resolver_config: {
    name: 'envoy.network.dns_resolver.cares',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig',
      resolvers: [{ socket_address: { address: '127.0.0.1', port_value: port } }],
    },
  },
});

test('row 26: the resolver is a black hole: the last good addresses are served, and a metric says that they are stale', async () => {
  await using harness = createHarness();
  await using names = await startNameServer();
  const port = await harness.upstream(() => 'served');
  const time = createFakeTime();
  await using plane = await startPlane({ clusters: [named(port)], listeners: [plainListener('in', hcm([routeTo('named')]))] });
  const dns = createDnsClusters({
    resolver: (servers) => createResolve(servers, 100),
    onEndpoints: (endpoints) => void plane.state.apply({ endpoints: [endpoints] }),
    timers: time.timers,
    random: { next: () => 0.5 },
    log: silent,
  });
  const update = (json: object): void => {
    const decoded = decodeCluster(json);
    assert.ok(decoded.ok);
    plane.state.apply({ clusters: [decoded.value] });
    dns.update([decoded.value], []);
  };
  const counts = () => dns.counts()[0];
  const lookups = (count: number): Promise<unknown> =>
    until(`${count} lookups`, () => (counts()?.successes ?? 0) + (counts()?.failures ?? 0) >= count || undefined);
  update(named(port, asking(names.port)));
  await lookups(1);
  assert.deepEqual(counts(), { statName: 'named', attempts: 1, successes: 1, failures: 0, stale: false });
  assert.deepEqual(await harness.call(plane.port('in')), { status: 200, body: 'served' });

  names.mode = 'black hole';
  const asked = names.asked;
  for (let lookup = 2; lookup <= 4; lookup++) {
    time.advance(TTL_S * 1_000);
    await lookups(lookup);
    assert.deepEqual(await harness.call(plane.port('in')), { status: 200, body: 'served' });
  }
  assert.ok(names.asked > asked, 'it was asked');
  assert.deepEqual(counts(), { statName: 'named', attempts: 4, successes: 1, failures: 3, stale: true });
  // A change of the cluster meanwhile does not lose them either.
  update(named(port, { ...asking(names.port), connect_timeout: '3s' }));
  await lookups(5);
  assert.deepEqual(await harness.call(plane.port('in')), { status: 200, body: 'served' });
  assert.equal(counts()?.stale, true);

  names.mode = 'answers';
  time.advance(TTL_S * 1_000);
  await lookups(6);
  assert.deepEqual([counts()?.stale, counts()?.successes], [false, 2]);
  dns[Symbol.dispose]();
  assert.equal(time.pending(), 0);
});

test('a name that cannot be looked up is tried again when dns_failure_refresh_rate says so, and the time grows', async () => {
  await using names = await startNameServer();
  names.mode = 'black hole';
  const time = createFakeTime();
  using dns = createDnsClusters({
    resolver: (servers) => createResolve(servers, 20),
    onEndpoints: () => {},
    timers: time.timers,
    random: { next: () => 0.5 },
    log: silent,
  });
  const failure = { dns_failure_refresh_rate: { base_interval: '0.1s', max_interval: '0.3s' }, dns_refresh_rate: '600s' };
  const decoded = decodeCluster(named(1, { ...asking(names.port), ...failure }));
  assert.ok(decoded.ok);
  dns.update([decoded.value], []);
  // Half of 0.2, then of 0.3 seconds.
  for (const [lookup, waitMs] of [100, 150, 150].entries()) {
    await until('it has failed', () => (dns.counts()[0]?.failures === lookup + 1 && time.pending() === 1) || undefined);
    time.advance(waitMs - 1);
    assert.equal(dns.counts()[0]?.attempts, lookup + 1);
    time.advance(1);
    assert.equal(dns.counts()[0]?.attempts, lookup + 2);
  }
});

test('lookups are among the statistics of their cluster', async () => {
  await using harness = createHarness();
  const port = await harness.upstream(() => 'served');
  const agent = await startFakeAgent();
  harness.closers.push(() => agent[Symbol.asyncDispose]());
  const endpoint = { endpoint: { address: { ...loopback(port), socket_address: { address: 'localhost', port_value: port } } } };
  agent.push({
    [TYPE_URL.cluster]: { named: named(port, { load_assignment: { cluster_name: 'named', endpoints: [{ lb_endpoints: [endpoint] }] } }) },
    [TYPE_URL.listener]: { out: httpListener('out', 0, '80') },
    [TYPE_URL.route]: { '80': routesTo('80', 'named') },
  });
  const proxy = await harness.run(agent, nodeOf('productpage-v1', 'productpage', 'v1'));
  assert.equal((await harness.call(await harness.portOf(proxy, 'out'))).body, 'served');
  const { body } = await harness.call(proxy.adminPort, '/stats?filter=%5Ecluster%5C.named%5C.(update_|dns_)');
  assert.equal(
    body,
    'cluster.named.dns_stale: 0\ncluster.named.update_attempt: 1\ncluster.named.update_failure: 0\ncluster.named.update_success: 1\n',
  );
});
