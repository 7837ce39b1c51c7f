import assert from 'node:assert/strict';
import { once } from 'node:events';
import http1Client from 'node:http';
import http2 from 'node:http2';
import { after, before, test } from 'node:test';
import { loadCodec } from '@meltemi/protos';
import { findEnvoy, NO_ENVOY } from '../interop/envoy-process.ts';
import { eventually } from '../testkit/load.ts';
import { askAdmin, lineShapes, shapeDifferences, type AdminAnswer } from './admin-shapes.ts';
import { startBackends, type Backends } from './backend/index.ts';
import { filter } from './filters.ts';
import { createContext, type OwnedContext } from './harness/context.ts';
import { createIdentities } from './harness/identities.ts';
import { startEmbedded, startEnvoy, type Proxy } from './harness/proxies.ts';
import { assignment, cluster, edsCluster, hcm, listener, rds, ROUTER, routes, to, type Resources } from './resources.ts';

/** The admin ports of both proxies are asked the same; members, types, content types and methods must be the same. */
const envoy = findEnvoy();
const skip = envoy === undefined ? NO_ENVOY : false;

interface Side {
  readonly proxy: Proxy;
  readonly context: OwnedContext;
  readonly backends: Backends;
}

let ours: Side;
let its: Side;
const started: Side[] = [];

before(async () => {
  if (envoy === undefined) return;
  const identities = await createIdentities();
  const codec = loadCodec('all');
  [ours, its] = (await Promise.all([startEmbedded(codec, identities), startEnvoy(envoy, codec, identities)].map(configured))) as [Side, Side];
});

after(async () => {
  for (const side of started) await Promise.all([side.proxy[Symbol.asyncDispose](), side.backends[Symbol.asyncDispose]()]);
});

/** One HTTP listener with routes by RDS and a health check, two clusters; one request has passed. */
async function configured(starting: Promise<Proxy>): Promise<Side> {
  const proxy = await starting;
  const backends = await startBackends({ main: [{ body: 'main' }] }, proxy.place.identities);
  const context = createContext('c0001', proxy.place, backends.addresses);
  const side: Side = { proxy, context, backends };
  started.push(side);
  assert.deepEqual(await proxy.xds.push(resources(context)), []);
  await eventually('the listener serves', 10_000, async () => ((await get(side, '/')) === 200 ? true : undefined));
  return side;
}

function resources(c: OwnedContext): Resources {
  const health = filter('health', 'filters.http.health_check.v3.HealthCheck', {
    pass_through_mode: false,
    headers: [{ name: ':path', string_match: { exact: '/healthz' } }],
  });
  return {
    listeners: ['main', 'modify'].map((name) =>
      listener(c, [hcm(c, [], { ...rds(c, 'table'), http_filters: [health, ROUTER] })], name === 'main' ? {} : { drain_type: 'MODIFY_ONLY' }, name),
    ),
    routes: [routes(c, 'table', [to(c, 'main')])],
    clusters: [cluster(c, 'main', { outlier_detection: {} }), edsCluster(c, 'eds')],
    endpoints: [assignment(c, 'eds', ['main'])],
  };
}

async function get({ context }: Side, path: string): Promise<number | undefined> {
  const response = await fetch(`http://${context.address}:${context.port('main')}${path}`).catch(() => undefined);
  await response?.text();
  return response?.status;
}

function askBoth(path: string, method = 'GET'): Promise<readonly [AdminAnswer, AdminAnswer]> {
  return Promise.all([askAdmin(ours.proxy.adminUrl(), path, { method }), askAdmin(its.proxy.adminUrl(), path, { method })]);
}

/** Envoy's own beginnings, its command line and its list of extensions are its own; so are what it has in a static configuration, and clusters of the harness. */
const OWN = /bootstrap\.|command_line|extensions|static_|user_agent_build|^configs\[\].*(typed_config|endpoint_config)\./;

/** What differs besides, and why. */
const KNOWN: Readonly<Record<string, readonly string[]>> = {
  // Requests that wait are counted by cluster (`upstream_rq_pending_active`), not by host; then there is one with a value in this run.
  '/clusters?format=json&filter=c0001': ['cluster_statuses[].host_statuses[].stats[].value: only Envoy'],
  // Our endpoints are told with the version and the time they came with.
  '/config_dump?include_eds': [
    'configs[].dynamic_endpoint_configs[].last_updated: only ours',
    'configs[].dynamic_endpoint_configs[].version_info: only ours',
  ],
};

for (const path of [
  '/clusters?format=json&filter=c0001',
  '/config_dump',
  '/config_dump?include_eds',
  '/config_dump?resource=dynamic_listeners',
  '/config_dump?resource=dynamic_listeners&mask=name,active_state.version_info',
  '/config_dump?resource=dynamic_route_configs&mask=route_config.name',
  '/config_dump?mask=bootstrap.node.id',
  '/config_dump?name_regex=c0001-eds',
  '/init_dump',
  '/listeners?format=json',
  '/memory',
  '/server_info',
  '/stats?format=json&type=Counters&filter=downstream_cx_total',
  '/stats?usedonly&format=json&filter=c0001.*upstream_rq_2xx',
  '/stats?format=json&histogram_buckets=cumulative&filter=c0001.downstream_rq_time',
  '/stats?format=json&histogram_buckets=disjoint&filter=c0001.downstream_rq_time',
])
  test(`admin ${path}: the same members and types`, { skip }, async () => {
    const [own, other] = await askBoth(path);
    assert.deepEqual([own.status, own.type], [other.status, other.type]);
    const differences = shapeDifferences(JSON.parse(own.body), JSON.parse(other.body)).filter((text) => !OWN.test(text));
    assert.deepEqual(
      differences.filter((text) => KNOWN[path]?.includes(text) !== true),
      [],
    );
  });

for (const path of ['/ready', '/listeners'])
  test(`admin ${path}: the same lines`, { skip }, async () => {
    const [own, other] = await askBoth(path);
    assert.deepEqual([own.status, own.type], [other.status, other.type]);
    assert.deepEqual(lineShapes(own.body), lineShapes(other.body));
  });

test('admin /stats: histograms in lines, once Envoy has gathered them', { skip }, async () => {
  const path = '/stats?filter=c0001.downstream_rq_time$&histogram_buckets=cumulative';
  const lines = await eventually('Envoy gathers what its threads have counted', 10_000, async () => {
    const [own, other] = await askBoth(path);
    return other.body.includes('No recorded') ? undefined : [lineShapes(own.body), lineShapes(other.body)];
  });
  assert.deepEqual(lines[0], lines[1]);
});

test('admin /clusters: the same lines of a cluster and its hosts', { skip }, async () => {
  const [own, other] = await askBoth('/clusters?filter=c0001');
  const missing = lineShapes(other.body).filter((line) => !lineShapes(own.body).includes(line));
  assert.deepEqual(missing, ['c#-eds::#::rq_pending_active::#', 'c#-main::#::rq_pending_active::#']);
  assert.deepEqual(
    lineShapes(own.body).filter((line) => !lineShapes(other.body).includes(line)),
    [],
  );
});

test('admin /stats and /stats/prometheus: what ours counts, Envoy names the same', { skip }, async () => {
  const name = /^cluster\.c0001|^http\.c0001|^listener\.#\.(downstream|http|no_filter|ssl)/;
  const names = (answer: AdminAnswer): readonly string[] =>
    lineShapes(answer.body)
      .map((line) => line.replace(/: .*/, ''))
      .filter((line) => name.test(line.replaceAll('c#', 'c0001')));
  const [own, other] = await askBoth('/stats');
  const known = new Set(names(other));
  // Every connection manager can be tapped here, and every listener have TLS; Envoy makes those names with the filter and the context.
  assert.deepEqual(
    names(own).filter((line) => !known.has(line) && !/\.(?:ssl|tap)\./.test(line)),
    [],
  );
  const metrics = (answer: AdminAnswer): readonly string[] =>
    answer.body.split('\n').flatMap((line) => /^# TYPE (envoy_\S+ \S+)/.exec(line)?.[1] ?? []);
  const [ownText, otherText] = await askBoth('/stats/prometheus?filter=c0001');
  const there = new Set(metrics(otherText));
  assert.deepEqual(
    metrics(ownText).filter((metric) => !there.has(metric) && !/_tap_|_ssl_/.test(metric)),
    [],
  );
  assert.match(ownText.body, /envoy_cluster_upstream_rq_xx\{envoy_response_code_class="2",envoy_cluster_name="c0001-main"\} \d/);
});

test('admin: what changes something takes POST; what is not known is told with the list of commands', { skip }, async () => {
  for (const path of ['/drain_listeners', '/quitquitquit', '/reset_counters', '/healthcheck/fail', '/healthcheck/ok', '/logging']) {
    const [own, other] = await askBoth(path);
    assert.deepEqual(own, other, path);
  }
  for (const path of [
    '/stats?format=bogus',
    '/stats?filter=(',
    '/stats?histogram_buckets=bogus',
    '/config_dump?name_regex=(',
    '/config_dump?resource=bogus',
  ]) {
    const [own, other] = await askBoth(path);
    assert.equal(own.status, other.status, path);
  }
  const [own, other] = await askBoth('/bogus');
  assert.deepEqual([own.status, own.body.slice(0, 33)], [other.status, other.body.slice(0, 33)]);
  for (const path of ['/', '/help', '/certs', '/runtime']) {
    const [a, b] = await askBoth(path);
    assert.deepEqual([a.status, a.type], [b.status, b.type], path);
  }
});

test('admin /healthcheck/fail: not ready, and health checks fail with LH, until /healthcheck/ok', { skip }, async () => {
  const seen: unknown[][] = [];
  for (const side of [ours, its]) {
    const ask = (path: string, method = 'POST'): Promise<AdminAnswer> => askAdmin(side.proxy.adminUrl(), path, { method });
    const look = async (): Promise<readonly unknown[]> => [
      (await ask('/ready', 'GET')).body,
      (await ask('/ready', 'GET')).status,
      await get(side, '/healthz'),
    ];
    seen.push([await look(), (await ask('/healthcheck/fail')).body, await look(), (await ask('/healthcheck/ok')).body, await look()]);
  }
  const [own, other] = seen;
  assert.deepEqual(own, other);
  assert.deepEqual(own?.[2], ['DRAINING\n', 503, 503]);
});

test('admin /healthcheck/fail: connections of listeners whose drain type is DEFAULT end with their next response', { skip }, async () => {
  const seen: unknown[] = [];
  for (const side of [ours, its]) {
    const order = (word: string): Promise<AdminAnswer> => askAdmin(side.proxy.adminUrl(), `/healthcheck/${word}`, { method: 'POST' });
    const clients = ['main', 'modify'].map((name) => http2.connect(`http://${side.context.address}:${side.context.port(name)}`));
    const goaways = clients.map((client) => {
      const last: number[] = [];
      client.on('goaway', (_code, id) => last.push(id));
      return last;
    });
    const look = async (): Promise<unknown> => [
      await http1Ends(side, 'main'),
      await http1Ends(side, 'modify'),
      goaways.map((told) => told.length > 0),
    ];
    for (const client of clients) await http2Get(client);
    const before = await look();
    await order('fail');
    // Who asks for nothing hears nothing.
    const failing = await look();
    for (const client of clients) await http2Get(client);
    await eventually('GOAWAY', 5_000, () => Promise.resolve(goaways[0]?.length === 0 ? undefined : true));
    const asked = await look();
    await order('ok');
    seen.push([before, failing, asked, await look()]);
    for (const client of clients) client.destroy();
  }
  const [own, other] = seen;
  assert.deepEqual(own, other);
  assert.deepEqual((own as readonly unknown[])[2], [
    ['close', 'true'],
    [undefined, 'true'],
    [true, false],
  ]);
});

/** What a response says of its connection, and of this host. */
function http1Ends({ context }: Side, name: string): Promise<readonly unknown[]> {
  const { promise, resolve, reject } = Promise.withResolvers<readonly unknown[]>();
  const agent = new http1Client.Agent({ keepAlive: true });
  http1Client
    .get({ host: context.address, port: context.port(name), path: '/', agent }, (response) => {
      const { connection, 'x-envoy-immediate-health-check-fail': unfit } = response.headers;
      response.resume().on('end', () => {
        agent.destroy();
        resolve([connection, unfit]);
      });
    })
    .on('error', reject);
  return promise;
}

async function http2Get(client: http2.ClientHttp2Session): Promise<void> {
  const stream = client.request({ ':path': '/' }).resume();
  await once(stream, 'close');
}

test('admin /reset_counters: counters begin anew', { skip }, async () => {
  for (const side of [ours, its]) {
    const count = async (): Promise<string> => (await askAdmin(side.proxy.adminUrl(), '/stats?filter=cluster.c0001-main.upstream_rq_total')).body;
    assert.notEqual(await count(), 'cluster.c0001-main.upstream_rq_total: 0\n');
    assert.equal((await askAdmin(side.proxy.adminUrl(), '/reset_counters', { method: 'POST' })).body, 'OK\n');
    assert.equal(await count(), 'cluster.c0001-main.upstream_rq_total: 0\n');
  }
});

test('admin /logging: levels of all parts and of one', { skip }, async () => {
  const ask = (path: string): Promise<AdminAnswer> => askAdmin(ours.proxy.adminUrl(), path, { method: 'POST' });
  const [own, other] = await askBoth('/logging?level=warning', 'POST');
  assert.deepEqual([own.status, own.type], [other.status, other.type]);
  assert.equal(own.body, 'active loggers:\n  main: warning\n  admin: warning\n  config: warning\n  connection: warning\n\n');
  for (const line of own.body.split('\n').filter((text) => text.startsWith('  '))) assert.ok(other.body.includes(`${line}\n`), line);
  assert.match((await ask('/logging?paths=config:debug,admin:off')).body, /admin: off\n {2}config: debug\n/);
  assert.match((await ask('/logging?connection=error')).body, /connection: error\n/);
  for (const path of ['/logging?level=bogus', '/logging?bogus=info', '/logging?level=info&paths=main:info']) {
    const [refused, its] = await askBoth(path, 'POST');
    assert.deepEqual([refused.status, refused.body.split('\n')[0]], [its.status, its.body.split('\n')[0]], path);
  }
  await ask('/logging?level=info');
});
