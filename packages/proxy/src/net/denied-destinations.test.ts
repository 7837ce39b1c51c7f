import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hcm, plainListener, ROUTER, routeTo, any } from '../testing/build.ts';
import { flagsOf, rawCall, startPlane, startRawServer } from '../testing/plane.ts';
import { deniedDestinations } from './denied-destinations.ts';

test('destinations that clients may not name', () => {
  const CASES: Readonly<Record<string, Readonly<Record<string, boolean>>>> = {
    local: {
      '127.0.0.1': true,
      '127.9.9.9': true,
      '0.0.0.0': true,
      '169.254.169.254': true,
      '255.255.255.255': true,
      '::1': true,
      '::': true,
      'fe80::1': true,
      'fe80::1%eth0': true,
      '::ffff:127.0.0.1': true,
      '::ffff:7f00:1': true,
      '64:ff9b::7f00:1': true,
      '2002:7f00:1::': true,
      '10.0.0.1': false,
      '192.0.2.1': false,
      '2001:db8::1': false,
      '::ffff:192.0.2.1': false,
      'a.example': true,
    },
    private: { '10.1.2.3': true, '172.31.0.1': true, '172.32.0.1': false, '192.168.1.1': true, 'fd00::1': true, '127.0.0.1': false },
    '203.0.113.0/24  2001:db8::/32 192.0.2.7': {
      '203.0.113.9': true,
      '203.0.114.9': false,
      '2001:db8:1::': true,
      '2001:db9::': false,
      '192.0.2.7': true,
      '192.0.2.8': false,
    },
    'local 0.0.0.0/0': { '8.8.8.8': true, '2001:db8::1': false },
  };
  for (const [text, addresses] of Object.entries(CASES)) {
    const denies = deniedDestinations(text);
    assert.deepEqual(Object.fromEntries(Object.keys(addresses).map((address) => [address, denies?.(address)])), addresses, text);
  }
  assert.equal(deniedDestinations(undefined), undefined);
  assert.equal(deniedDestinations('  '), undefined);
  for (const text of ['loopback', 'local,private', '10.0.0.0/33', '10.0.0/8', '::1/129', '/8'])
    assert.throws(() => deniedDestinations(text), /no range/, text);
});

const CACHE = { name: 'c', dns_lookup_family: 'V4_ONLY' };
const dynamic = {
  name: 'dynamic',
  lb_policy: 'CLUSTER_PROVIDED',
  cluster_type: {
    name: 'envoy.clusters.dynamic_forward_proxy',
    typed_config: any('clusters.dynamic_forward_proxy.v3.ClusterConfig', { dns_cache_config: CACHE }),
  },
};
const original = { name: 'original', type: 'ORIGINAL_DST', lb_policy: 'CLUSTER_PROVIDED', original_dst_lb_config: { use_http_header: true } };
const filter = { name: 'dfp', typed_config: any('filters.http.dynamic_forward_proxy.v3.FilterConfig', { dns_cache_config: CACHE }) };

test('a destination that a client names, and may not: 403 and not a connection; others are reached', async () => {
  let accepted = 0;
  await using app = await startRawServer((socket) => {
    accepted++;
    socket.on('data', () => void socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'));
  });
  const resources = {
    clusters: [dynamic, original],
    listeners: [plainListener('http', hcm([routeTo('original', {}, { path: '/original' }), routeTo('dynamic')], { http_filters: [filter, ROUTER] }))],
  };
  for (const [denied, status] of [
    ['', '200'],
    ['local', '403'],
    ['127.0.0.1', '403'],
    ['private', '200'],
  ] as const) {
    await using plane = await startPlane(resources, Math.random, { denies: deniedDestinations(denied) });
    const call = (path: string, host: string, more = ''): Promise<string> =>
      rawCall(plane.port('http'), `GET ${path} HTTP/1.1\r\nhost: ${host}\r\n${more}connection: close\r\n\r\n`);
    const before = accepted;
    const answers = [
      await call('/', `127.0.0.1:${app.port}`),
      await call('/', `localhost:${app.port}`),
      await call('/original', 'a', `x-envoy-original-dst-host: 127.0.0.1:${app.port}\r\n`),
    ];
    assert.deepEqual(
      answers.map((text) => text.slice(9, 12)),
      [status, status, status],
      denied,
    );
    if (status === '200') continue;
    assert.equal(accepted, before);
    assert.deepEqual([(await plane.ended(3)).responseCodeDetails, flagsOf(await plane.ended(3))], ['destination_denied', '-']);
  }
});
