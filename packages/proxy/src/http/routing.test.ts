import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { after, test } from 'node:test';
import { cluster, FAULT, hcm, loopback, plainListener, ROUTER } from '../testing/build.ts';
import { flagsOf, rawCall, rawClient, startPlane, startRawServer, type Plane, type RawServer } from '../testing/plane.ts';

const NAMES = ['v1', 'v2', 'v3'] as const;
const held = new Set<Socket>();

/** Applications that answer their own name and the path they saw; `/slow` is held until released. */
const apps = new Map<string, RawServer>();
for (const name of NAMES) {
  apps.set(
    name,
    await startRawServer((socket) => {
      socket.on('data', (bytes: Buffer) => {
        for (const [, path = ''] of bytes.toString('latin1').matchAll(/^[A-Z]+ (\S+) HTTP/gm)) {
          if (path === '/slow') held.add(socket);
          else socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${name.length + 1 + path.length}\r\n\r\n${name} ${path}`);
        }
      });
    }),
  );
}
const port = (name: string): number => apps.get(name)?.port ?? 0;
const planes: Plane[] = [];
after(async () => {
  for (const plane of planes) await plane[Symbol.asyncDispose]();
  for (const app of apps.values()) await app[Symbol.asyncDispose]();
});

async function proxy(hosts: readonly object[], more: object = {}, clusters?: readonly object[]): Promise<Plane> {
  const plane = await startPlane({
    clusters: clusters ?? NAMES.map((name) => cluster(name, [port(name)])),
    listeners: [
      plainListener('http', hcm([], { route_config: { name: 'table', virtual_hosts: hosts }, normalize_path: true, merge_slashes: true, ...more })),
    ],
  });
  planes.push(plane);
  return plane;
}

const to = (name: string, match: object, more: object = {}): object => ({ match, route: { cluster: name, ...more } });
const RE2 = (regex: string): object => ({ google_re2: {}, regex });
const header = (name: string, match: object): object => ({ prefix: '/', headers: [{ name, ...match }] });

const HOSTS: readonly object[] = [
  {
    name: 'reviews',
    domains: ['reviews', 'reviews:9080', 'reviews.bookinfo.svc.cluster.local'],
    routes: [
      to('v2', header('end-user', { string_match: { exact: 'jason' } })),
      to('v3', header('x-canary', { string_match: { safe_regex: RE2('v[0-9]+') } })),
      to('v3', header('x-present', { present_match: true })),
      to('v3', header('x-pre', { string_match: { prefix: 'ab' } })),
      to('v3', { prefix: '/', query_parameters: [{ name: 'q', string_match: { exact: '1' } }] }),
      to('v2', { path: '/exact' }),
      to('v2', { prefix: '/prefix' }, { prefix_rewrite: '/new' }),
      to('v2', { safe_regex: RE2('/re/[a-z]+/end') }),
      to('v2', { safe_regex: RE2('/evil/(a+)+') }),
      to('v3', { path_separated_prefix: '/part' }),
      to('v3', { ...header(':method', { string_match: { exact: 'DELETE' } }) }),
      { match: { path: '/gone' }, redirect: { path_redirect: '/here', response_code: 'FOUND' } },
      { match: { path: '/teapot' }, direct_response: { status: 418, body: { inline_string: 'short' } } },
      to('v1', { prefix: '/' }),
    ],
  },
  { name: 'wild', domains: ['*.example.com'], routes: [to('v2', { prefix: '/' })] },
  { name: 'longer', domains: ['*.a.example.com'], routes: [to('v3', { prefix: '/' })] },
];

const CASES: readonly (readonly [line: string, host: string, lines: string, expected: string])[] = [
  ['GET /', 'reviews', '', 'v1 /'],
  ['GET /', 'reviews:9080', '', 'v1 /'],
  ['GET /', 'REVIEWS.bookinfo.svc.cluster.local', '', 'v1 /'],
  ['GET /', 'x.example.com', '', 'v2 /'],
  ['GET /', 'x.a.example.com', '', 'v3 /'],
  ['GET /', 'example.com', '', '404'],
  ['GET /', 'reviews.evil', '', '404'],
  ['GET http://reviews/absolute', 'other', '', 'v1 /absolute'],
  ['GET /', 'reviews', 'end-user: jason\r\n', 'v2 /'],
  ['GET /', 'reviews', 'End-User: jason\r\n', 'v2 /'],
  ['GET /', 'reviews', 'end-user: Jason\r\n', 'v1 /'],
  ['GET /', 'reviews', 'end-user: jason\r\nend-user: jason\r\n', 'v2 /'],
  ['GET /', 'reviews', 'x-canary: v12\r\n', 'v3 /'],
  ['GET /', 'reviews', 'x-canary: xv12\r\n', 'v1 /'],
  ['GET /', 'reviews', 'x-present:\r\n', 'v3 /'],
  ['GET /', 'reviews', 'x-pre: abc\r\n', 'v3 /'],
  ['GET /?q=1', 'reviews', '', 'v3 /?q=1'],
  ['GET /?q=2', 'reviews', '', 'v1 /?q=2'],
  ['GET /exact', 'reviews', '', 'v2 /exact'],
  ['GET /exact?x=y', 'reviews', '', 'v2 /exact?x=y'],
  ['GET /exact/', 'reviews', '', 'v1 /exact/'],
  ['GET /prefix/x?y', 'reviews', '', 'v2 /new/x?y'],
  ['GET /prefixes', 'reviews', '', 'v2 /newes'],
  ['GET /re/abc/end', 'reviews', '', 'v2 /re/abc/end'],
  ['GET /re/abc/endless', 'reviews', '', 'v1 /re/abc/endless'],
  ['GET /part', 'reviews', '', 'v3 /part'],
  ['GET /part/of', 'reviews', '', 'v3 /part/of'],
  ['GET /partial', 'reviews', '', 'v1 /partial'],
  ['DELETE /', 'reviews', '', 'v3 /'],
  ['GET /a/../exact', 'reviews', '', 'v2 /exact'],
  ['GET //exact', 'reviews', '', 'v2 /exact'],
  ['GET /%65xact', 'reviews', '', 'v2 /exact'],
  ['GET /./prefix/../exact', 'reviews', '', 'v2 /exact'],
  ['GET /gone', 'reviews', '', '302 http://reviews/here'],
  ['GET /teapot', 'reviews', '', '418'],
];

test('routes by host, path and headers; what the match sees is what goes on', async (t) => {
  const plane = await proxy(HOSTS);
  for (const [line, host, lines, expected] of CASES) {
    await t.test(`${line} ${host} ${lines.trim()} → ${expected}`, async () => {
      const text = await rawCall(plane.port('http'), `${line} HTTP/1.1\r\nHost: ${host}\r\n${lines}Connection: close\r\n\r\n`);
      const [status, location] = expected.split(' ');
      if (/^\d+$/.test(status ?? '')) {
        assert.match(text, new RegExp(`^HTTP/1.1 ${status} `));
        if (location !== undefined) assert.match(text, new RegExp(`\r\nlocation: ${location}\r\n`));
      } else assert.equal(text.slice(text.indexOf('\r\n\r\n') + 4), expected);
    });
  }
  assert.deepEqual([...new Set(plane.streams.filter((info) => info.responseCode === 404).map((info) => flagsOf(info)))], ['NR']);
});

test('a regular expression that others choke on is answered at once', async () => {
  const plane = await proxy(HOSTS);
  const begun = performance.now();
  const text = await rawCall(plane.port('http'), `GET /evil/${'a'.repeat(5000)}! HTTP/1.1\r\nHost: reviews\r\nConnection: close\r\n\r\n`);
  assert.match(text, /\r\n\r\nv1 \/evil/);
  assert.ok(performance.now() - begun < 1_000);
});

/** Sends requests one after the other and counts who answered. */
async function spread(plane: Plane, count: number, path = '/'): Promise<Record<string, number>> {
  const client = await rawClient(plane.port('http'));
  const counts: Record<string, number> = {};
  for (let at = 0; at < count; at++) {
    const before = client.text().length;
    client.socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
    while (!client.text().slice(before).includes(` ${path}`)) await new Promise((resolve) => client.socket.once('data', resolve));
    const name = client.text().slice(-path.length - 3, -path.length - 1);
    counts[name] = (counts[name] ?? 0) + 1;
  }
  client.socket.destroy();
  return counts;
}

const all = (route: object): readonly object[] => [{ name: 'all', domains: ['*'], routes: [{ match: { prefix: '/' }, route }] }];

test('weights: each cluster gets its share of 3000, and weight 0 nothing', async () => {
  const weighted = {
    weighted_clusters: {
      clusters: [
        { name: 'v1', weight: 0 },
        { name: 'v2', weight: 90 },
        { name: 'v3', weight: 10 },
      ],
    },
  };
  const counts = await spread(await proxy(all(weighted)), 3000);
  assert.equal(counts['v1'], undefined);
  // n = 3000, p = 0.1: standard deviation 16.4; 5 of them (82) are missed by chance in fewer than one run of a million.
  assert.ok(Math.abs((counts['v3'] ?? 0) - 300) <= 82, JSON.stringify(counts));
  assert.equal((counts['v2'] ?? 0) + (counts['v3'] ?? 0), 3000);
});

test('round robin takes turns exactly; random spreads; least request avoids the slow host', async () => {
  const ports = NAMES.map(port);
  const over = (policy: string): Promise<Plane> => proxy(all({ cluster: 'app', timeout: '0s' }), {}, [cluster('app', ports, { lb_policy: policy })]);
  assert.deepEqual(await spread(await over('ROUND_ROBIN'), 300), { v1: 100, v2: 100, v3: 100 });
  const random = await spread(await over('RANDOM'), 3000);
  // Standard deviation 25.8; 5 of them.
  for (const name of NAMES) assert.ok(Math.abs((random[name] ?? 0) - 1000) <= 130, JSON.stringify(random));

  const least = await over('LEAST_REQUEST');
  const waiting = await Promise.all(Array.from({ length: 30 }, () => rawClient(least.port('http'))));
  held.clear();
  for (const client of waiting) client.socket.write('GET /slow HTTP/1.1\r\nHost: a\r\n\r\n');
  while (held.size < 30) await new Promise((resolve) => setTimeout(resolve, 5));
  const hosts = [...(least.state.cluster('app')?.hosts() ?? [])];
  const active = hosts.map((host) => host.active);
  assert.equal(
    active.reduce((sum, count) => sum + count, 0),
    30,
  );
  assert.ok(Math.max(...active) - Math.min(...active) <= 6, `about even: ${active.join(' ')}`);
  // One host becomes free: it is the one that two choices find.
  const [free] = hosts;
  for (const socket of held) if (free?.key.endsWith(`:${socket.localPort}`)) socket.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n');
  while ((free?.active ?? 0) > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  const counts = await spread(least, 600);
  const most = Math.max(...Object.values(counts));
  // It is among two of three in 5 of 9 draws with repetition, in 2 of 3 without: 600 × 5/9 = 333, less 6 standard deviations of 12.
  assert.ok(most >= 260, JSON.stringify(counts));
  for (const client of waiting) client.socket.destroy();
});

test('endpoints that come and go under load: no request fails, those that are gone get nothing more', async () => {
  const eds = { name: 'app', type: 'EDS', eds_cluster_config: { eds_config: { ads: {}, resource_api_version: 'V3' } }, connect_timeout: '1s' };
  const assignment = (...names: readonly string[]): object => ({
    cluster_name: 'app',
    endpoints: [{ lb_endpoints: names.map((name) => ({ endpoint: { address: loopback(port(name)) } })) }],
  });
  const plane = await startPlane({
    clusters: [eds],
    endpoints: [assignment('v1', 'v2')],
    listeners: [plainListener('http', hcm([{ match: { prefix: '/' }, route: { cluster: 'app' } }], { http_filters: [FAULT, ROUTER] }))],
  });
  planes.push(plane);
  let running = true;
  let served = 0;
  const load = Array.from({ length: 4 }, async () => {
    while (running) served += Object.values(await spread(plane, 20)).reduce((sum, count) => sum + count, 0);
  });
  for (const names of [['v1'], ['v1', 'v3'], ['v3'], ['v2', 'v3'], ['v2']]) {
    await plane.apply({ endpoints: [assignment(...names)] });
    const counts = await spread(plane, 60);
    assert.deepEqual(Object.keys(counts).toSorted(), names);
  }
  running = false;
  await Promise.all(load);
  assert.deepEqual([...new Set(plane.streams.map((info) => `${info.responseCode} ${flagsOf(info)}`))], ['200 -']);
  assert.ok(served > 200);
});
