import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { Agent } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { findEnvoy, NO_ENVOY } from '../interop/envoy-process.ts';
import { type Demo, startDemo } from './demo.ts';
import { runEcho } from './echo.ts';
import { databaseMark, processesWith } from './leftovers.ts';
import { burst, eventually, get } from './load.ts';
import { foreignCertificate, hasOpenssl, tlsView } from './openssl.ts';
import { networkOf } from './network.ts';
import { query, queryValue } from './prometheus.ts';
import { filesBelow, proxiesOf } from './processes.ts';
import { watchReviews } from './watch.ts';
import { whatIsKnown } from './no-answer.ts';

/** How one run of the suite differs from another. */
export interface SuiteOptions {
  readonly dataPlane: 'embedded' | 'envoy';
  readonly interception: 'netns' | 'ports';
  /** Requests of the distribution test. */
  readonly requests: number;
  /** Why it cannot run here. */
  readonly skip: string | false;
}

/** What a test gets of the demo that its file shares. */
interface Context extends SuiteOptions {
  readonly demo: () => Demo;
  /** For temporary files. */
  readonly folder: string;
}

const SAMPLES = 'samples/bookinfo';
const IN_FORCE_MS = 1_000;
const STOP_MS = 5_000;
const TRUST = 'spiffe://cluster.local/ns';

/** Bookinfo as users see it: distribution, route changes, mutual TLS, metrics, traces, and nothing left behind. One demo for all of it. */
export function bookinfoSuite(options: SuiteOptions): void {
  const envoy = options.dataPlane === 'envoy' ? findEnvoy() : '';
  const skip = options.skip !== false ? options.skip : envoy === undefined ? NO_ENVOY : false;
  describe(`Bookinfo, ${options.dataPlane}, ${options.interception}`, { skip }, () => {
    let demo: Demo | undefined;
    const folder = mkdtempSync(join(tmpdir(), 'meltemi-e2e-tls-'));
    const context: Context = { ...options, folder, demo: () => required(demo) };
    before(async () => {
      const args = ['--data-plane', options.dataPlane, '--interception', options.interception, '--load', '0'];
      demo = await startDemo(args, envoy === undefined || envoy === '' ? {} : { MELTEMI_ENVOY: envoy });
    });
    after(async () => {
      await demo?.[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    });
    distribution(context);
    routeChanges(context);
    labels(context);
    headersAndTraces(context);
    mutualTls(context);
    inspection(context);
    taps(context);
    end(context);
  });
}

function required<T>(value: T | undefined): T {
  assert.ok(value !== undefined);
  return value;
}

/** Three of the intervals at which proxies tell what they counted. */
const SETTLED_MS = 3_000;

function distribution({ demo, requests }: Context): void {
  test(`${requests} requests through the gateway: all are answered, each version gets a third, each is counted once`, async () => {
    const counted = (reporter: string): string =>
      `sum(istio_requests_total{reporter="${reporter}",destination_service_name="productpage",response_code="200"})`;
    const reporters = ['source', 'destination'];
    // What `demo` itself asked for at its start has been told when both ends tell the same, and nothing more for some of the intervals at which they tell.
    let told: readonly number[] = [];
    let since = performance.now();
    const before = await eventually('the first requests are counted', 10_000, async () => {
      const now = await Promise.all(reporters.map((reporter) => queryValue(demo(), counted(reporter))));
      if (now.some((value, at) => value !== told[at])) since = performance.now();
      told = now;
      return told[0] === told[1] && told[0] !== 0 && performance.now() - since >= SETTLED_MS ? told[0] : undefined;
    }).catch((error: unknown) => assert.fail(`${String(error)}: source and destination say ${told.join(' and ')}\n${demo().log()}`));
    const { statuses, versions, errors } = await burst(`${demo().urls.gateway}/productpage`, requests);
    assert.deepEqual([[...statuses], errors], [[[200, requests]], []]);
    // Versions take turns (samples/bookinfo/destination-rules.yaml), nothing is drawn: the bound is for calls of others between these.
    for (const version of ['v1', 'v2', 'v3']) {
      const share = (versions.get(version) ?? 0) / requests;
      assert.ok(Math.abs(share - 1 / 3) <= 0.05, `${version}: ${(share * 100).toFixed(1)} %`);
    }
    for (const reporter of reporters) {
      const wanted = required(before) + requests;
      let last = 0;
      await eventually(`${reporter} tells of ${wanted} requests`, 10_000, async () => {
        last = await queryValue(demo(), counted(reporter));
        return last >= wanted ? last : undefined;
      }).catch((error: unknown) => assert.fail(`${String(error)}; it tells of ${last}`));
      assert.equal(last, wanted);
    }
  });
}

function routeChanges({ demo }: Context): void {
  test('routes change under load: in force within a second of apply, acknowledged, and no request fails', async (t) => {
    const page = `${demo().urls.gateway}/productpage`;
    await using all = watchReviews(page, 3);
    await using jason = watchReviews(page, 1, { 'end-user': 'jason' });
    const change = async (...args: string[]): Promise<{ inForceMs: number; stdout: string; stderr: string }> => {
      const { code, stdout, stderr } = await demo().cli(...args);
      assert.equal(code, 0, stderr);
      return { inForceMs: performance.now() + IN_FORCE_MS, stdout, stderr };
    };
    const [weights, header] = ['v2-v3', 'test-v2'].map((name) => `${SAMPLES}/routing/virtual-service-reviews-${name}.yaml`);
    assert.deepEqual(await all.since(0, 60), new Set(['v1', 'v2', 'v3']));

    const weighted = await change('apply', '-f', weights ?? '');
    assert.match(weighted.stdout, /^virtualservice\.networking\.istio\.io\/reviews created$/m);
    assert.deepEqual(await all.since(weighted.inForceMs, 60), new Set(['v2', 'v3']));
    t.diagnostic(`last seen v1: ${Math.round(all.last('v1') - weighted.inForceMs + IN_FORCE_MS)} ms after apply returned`);

    const routed = await change('apply', '-f', header ?? '', '--wait');
    assert.match(routed.stdout, /^virtualservice\.networking\.istio\.io\/reviews configured$/m);
    assert.match(routed.stderr, /acknowledged by 10 proxies/);
    assert.deepEqual(await jason.since(routed.inForceMs, 20), new Set(['v2']));
    assert.deepEqual(await all.since(routed.inForceMs, 40), new Set(['v1']));

    const deleted = await change('delete', 'virtualservice', 'reviews', '-n', 'bookinfo');
    assert.deepEqual(await all.since(deleted.inForceMs, 60), new Set(['v1', 'v2', 'v3']));
    assert.notDeepEqual(await jason.since(deleted.inForceMs, 20), new Set(['v2']));
    assert.deepEqual([await all.stop(), await jason.stop()], [[], []]);
  });
}

/** The labels of the edge productpage → reviews v2: Istio's, and the same ones from either data plane. */
const EDGE_LABELS = {
  source_workload: 'productpage-v1',
  source_workload_namespace: 'bookinfo',
  source_principal: `${TRUST}/bookinfo/sa/bookinfo-productpage`,
  source_app: 'productpage',
  source_version: 'v1',
  source_canonical_service: 'productpage',
  source_canonical_revision: 'v1',
  source_cluster: 'meltemi',
  destination_workload: 'reviews-v2',
  destination_workload_namespace: 'bookinfo',
  destination_principal: `${TRUST}/bookinfo/sa/bookinfo-reviews`,
  destination_app: 'reviews',
  destination_version: 'v2',
  destination_canonical_service: 'reviews',
  destination_canonical_revision: 'v2',
  destination_cluster: 'meltemi',
  destination_service: 'reviews.bookinfo.svc.cluster.local',
  destination_service_name: 'reviews',
  destination_service_namespace: 'bookinfo',
};
/** What a scrape adds. */
const TARGET_LABELS = new Set(['__name__', 'instance', 'job', 'namespace', 'pod', 'app', 'version']);
const REQUEST_LABELS = { ...EDGE_LABELS, request_protocol: 'http', response_code: '200', response_flags: '-' };

function labels({ demo }: Context): void {
  test('metrics name both ends of an edge, and the destination says that it was mutual TLS', async () => {
    const told = async (metric: string, reporter: string, edge: string): Promise<Readonly<Record<string, string>>> => {
      const series = await query(demo(), `${metric}{reporter="${reporter}",${edge}}`);
      assert.equal(series.length, 1, `${reporter}: ${JSON.stringify(series, undefined, 1)}`);
      const { labels } = required(series[0]);
      assert.equal(labels['__name__'], metric);
      return Object.fromEntries(Object.entries(labels).filter(([name, value]) => value !== '' && !TARGET_LABELS.has(name)));
    };
    const reviews = 'source_workload="productpage-v1",destination_workload="reviews-v2",response_code="200"';
    assert.deepEqual(await told('istio_requests_total', 'source', reviews), {
      ...REQUEST_LABELS,
      reporter: 'source',
      connection_security_policy: 'unknown',
    });
    assert.deepEqual(await told('istio_requests_total', 'destination', reviews), {
      ...REQUEST_LABELS,
      reporter: 'destination',
      connection_security_policy: 'mutual_tls',
    });
    const database = await told('istio_tcp_connections_opened_total', 'destination', 'destination_workload="postgresdb-v1"');
    assert.equal(database['source_workload'], 'ratings-v2');
    assert.equal(database['source_principal'], `${TRUST}/bookinfo/sa/bookinfo-ratings`);
    assert.equal(database['connection_security_policy'], 'mutual_tls');
    assert.equal(database['request_protocol'], 'tcp');
  });
}

function headersAndTraces({ demo, dataPlane, interception }: Context): void {
  test('an application sees the request without what proxies tell each other, and hands the trace on', async () => {
    await using echo = await runEcho(demo(), { dataPlane, interception });
    const traceId = '0af7651916cd43dd8448eb211c80319c';
    const headers = await echo.ask({
      traceparent: `00-${traceId}-b7ad6b7169203331-01`,
      'x-forwarded-client-cert': 'forged',
      'x-envoy-decorator-operation': 'forged',
      'x-envoy-retry-on': '5xx',
      'x-envoy-external-address': '203.0.113.7',
    });
    const extra = Object.keys(headers).filter((name) => name.startsWith('x-envoy-') || name.startsWith('x-meltemi-') || name.startsWith('x-istio-'));
    assert.deepEqual(extra.sort(), ['x-envoy-attempt-count', 'x-envoy-external-address']);
    assert.equal(headers['x-envoy-external-address'], '127.0.0.1');
    assert.match(headers['traceparent'] ?? '', new RegExp(`^00-${traceId}-(?!b7ad6b7169203331)[0-9a-f]{16}-01$`));
    assert.match(
      headers['x-forwarded-client-cert'] ?? '',
      new RegExp(`^By=${TRUST}/bookinfo/sa/default;Hash=[0-9a-f]{64};Subject="";URI=${TRUST}/istio-system/sa/istio-ingressgateway$`),
    );

    const page = await get(`${demo().urls.gateway}/productpage`, { traceparent: `00-1${traceId.slice(1)}-b7ad6b7169203331-01` });
    if (page.status === 0) assert.fail(`${page.error}\n${whatIsKnown(demo())}`);
    assert.equal(page.status, 200);
    const last = await echo.stopWhileAnswering();
    assert.deepEqual([last.status, last.error], [200, undefined], 'a request that is under way when the workload stops is answered');

    const wanted = ['istio-ingressgateway.istio-system', 'productpage.bookinfo', 'details.bookinfo', 'reviews.bookinfo'];
    let told: readonly string[] = [];
    await eventually('the trace of the page, with every service of it', 10_000, async () => {
      const response = await fetch(`${demo().urls.console}/jaeger/api/traces/1${traceId.slice(1)}`);
      const { data } = (await response.json()) as { data?: { spans: unknown[]; processes: Record<string, { serviceName: string }> }[] };
      told = Object.values(data?.[0]?.processes ?? {}).map(({ serviceName }) => serviceName);
      return wanted.every((name) => told.includes(name)) ? told : undefined;
    }).catch((error: unknown) => assert.fail(`${String(error)}; it has ${told.join(', ')}`));
  });
}

function mutualTls({ demo, folder }: Context): void {
  const PATH = '/details/0';
  test('mutual TLS, seen from outside: the SPIFFE identity; a plain client is served, then refused under STRICT', async () => {
    const address = proxiesOf(demo().pid).find(({ workload }) => workload === 'details-v1')?.address ?? '';
    const plain = `http://${address}:9080${PATH}`;
    const mtls = async (mode: 'permissive' | 'strict'): Promise<void> => {
      const { code, stderr } = await demo().cli('apply', '--wait', '-f', `${SAMPLES}/mtls/${mode}.yaml`);
      assert.equal(code, 0, stderr);
    };
    const fresh = { connection: 'close' };
    await mtls('permissive');
    assert.equal((await get(plain, fresh)).status, 200, 'PERMISSIVE serves a plain client');
    const kept = new Agent({ keepAlive: true });
    assert.equal((await get(plain, {}, kept)).status, 200);
    await mtls('strict');
    const refused = await get(plain, fresh);
    assert.deepEqual([refused.status, refused.body], [0, ''], 'STRICT refuses a plain client');
    await eventually('the plain connection of before is ended', 5_000, async () => ((await get(plain, {}, kept)).status === 0 ? true : undefined));
    kept.destroy();
    if (hasOpenssl) {
      const nobody = await tlsView(address, 9080, PATH);
      assert.deepEqual([nobody.uris, nobody.answer], [[`${TRUST}/bookinfo/sa/bookinfo-details`], '']);
      const forged = await foreignCertificate(folder, `${TRUST}/bookinfo/sa/bookinfo-productpage`);
      assert.equal((await tlsView(address, 9080, PATH, forged)).answer, '', 'a certificate of another authority is refused');
    }
    const { statuses, errors } = await burst(`${demo().urls.gateway}/productpage`, 50);
    assert.deepEqual([[...statuses], errors], [[[200, 50]], []], 'the mesh itself goes on under STRICT');
    await mtls('permissive');
    assert.equal((await get(plain, fresh)).status, 200, 'PERMISSIVE again');
  });
}

function inspection({ demo, dataPlane, interception }: Context): void {
  test('proxy-status and proxy-config tell what is in force', async () => {
    const status = await demo().cli('proxy-status');
    assert.equal(status.code, 0, status.stderr);
    const rows = status.stdout.split('\n').filter((line) => new RegExp(`SYNCED +SYNCED +SYNCED +SYNCED +${dataPlane} `).test(line));
    assert.equal(rows.length, 10, status.stdout);
    const reviews = 'reviews.bookinfo.svc.cluster.local';
    const wanted = {
      clusters: [reviews, 'v2', 'DestinationRule/bookinfo/reviews'],
      listeners: interception === 'netns' ? ['virtualInbound', 'virtualOutbound'] : ['_9080', 'inbound|9080||'],
      routes: ['9080', reviews],
      endpoints: [reviews, 'reviews-v2'],
      secret: ['default', 'ROOTCA', `${TRUST}/bookinfo/sa/bookinfo-productpage`],
    };
    const told = await Promise.all(Object.keys(wanted).map((what) => demo().cli('proxy-config', what, 'productpage-v1', '-o', 'wide')));
    for (const [index, [what, texts]] of Object.entries(wanted).entries()) {
      const { code, stdout, stderr } = required(told[index]);
      assert.equal(code, 0, stderr);
      for (const text of texts) assert.ok(stdout.includes(text), `${what}: "${text}" is missing in\n${stdout}`);
    }
    const { stdout } = await demo().cli('proxy-config', 'secret', 'productpage-v1', '-o', 'json');
    assert.ok(stdout.includes('"default"') && !stdout.includes('PRIVATE KEY'), stdout.slice(0, 500));
    const logs = filesBelow(join(demo().stateDir, 'logs')).map(({ bytes }) => bytes.toString());
    assert.ok(logs.length >= 10);
    assert.deepEqual(
      logs.flatMap((log) => log.split('\n').filter((line) => /\]\[(?:warning|error|critical)\]/.test(line))),
      [],
      'Envoy has nothing to complain of',
    );
  });
}

function taps({ demo, dataPlane }: Context): void {
  const skip = dataPlane === 'embedded' ? false : 'Envoy is tapped where its configuration has a tap filter';
  test('proxy-tap shows requests while they pass a sidecar and the gateway', { skip }, async () => {
    for (const proxy of ['productpage-v1', 'istio-ingressgateway']) {
      const seen = new AbortController();
      const tap = demo()
        .cli('proxy-tap', proxy, '--path', '/productpage', '--count', '1', '--for', '20')
        .finally(() => seen.abort());
      while (!seen.signal.aborted) await get(`${demo().urls.gateway}/productpage`);
      const { stdout, stderr } = await tap;
      assert.match(stdout, /^GET \S+\/productpage 200 text\/html/, stderr);
    }
  });
}

function end({ demo, interception }: Context): void {
  test('Ctrl-C ends everything within 5 s and leaves nothing', async () => {
    const { pid, stateDir, urls } = demo();
    const processes = (): readonly string[] => [stateDir, databaseMark(urls.gateway)].flatMap(processesWith);
    assert.ok(process.platform !== 'linux' || processes().length >= 20, 'the processes of the demo can be found');
    if (interception === 'netns') assert.ok(networkOf(pid).length >= 20, 'its namespaces and interfaces can be found');
    const tookMs = await demo().stop();
    assert.ok(tookMs <= STOP_MS, `${tookMs} ms`);
    assert.deepEqual([processes(), networkOf(pid)], [[], []]);
  });
}
