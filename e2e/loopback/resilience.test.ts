import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { connect } from 'node:tls';
import { startDemo, type Demo } from '../testkit/demo.ts';
import { findEnvoy, NO_ENVOY } from '../interop/envoy-process.ts';
import { eventually, get, patient, reviewsVersion, startLoad } from '../testkit/load.ts';
import { controlPlaneOf, descendants, filesBelow, isAlive, keepControlPlaneDown, proxiesOf } from '../testkit/processes.ts';

const STRICT = `apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: { name: default, namespace: istio-system }
spec: { mtls: { mode: STRICT } }
`;

/** Bookinfo's proxies: nine of the drawn graph, productpage-v2 at weight 0, the gateway. */
const PROXIES = 10;
const RESYNC_MS = 5_000;
const PROXY_BACK_MS = 1_000;

/** Slow enough that the machine has time for what is being measured. */
const PAUSE_MS = 50;

interface ProxyView {
  readonly id: string;
  readonly name: string;
  readonly address: string;
  readonly connectedAt: number;
  readonly types: readonly { readonly type: string; readonly state: string }[];
}

async function proxiesSeen(demo: Demo): Promise<readonly ProxyView[]> {
  const answer = await fetch(`${demo.urls.controlPlane}/meltemi/v1/proxies`, { signal: AbortSignal.timeout(2_000) });
  return ((await answer.json()) as { proxies: ProxyView[] }).proxies;
}

function isSynced({ types }: ProxyView): boolean {
  return types.length >= 4 && types.every(({ state }) => state === 'SYNCED');
}

/** All proxies are connected since `sinceMs` and have acknowledged everything they asked for. */
async function allSynced(demo: Demo, sinceMs: number): Promise<readonly ProxyView[] | undefined> {
  const proxies = await proxiesSeen(demo);
  const synced = proxies.filter((proxy) => proxy.connectedAt >= sinceMs && isSynced(proxy));
  return synced.length === PROXIES && proxies.length === PROXIES ? proxies : undefined;
}

/** What a proxy has in force, with the times at which it got it: equal dumps mean that nothing was sent anew. */
async function configOf(demo: Demo, workload: string): Promise<unknown> {
  const proxy = (await proxiesSeen(demo)).find(({ name }) => name === workload);
  const answer = await fetch(`${demo.urls.controlPlane}/meltemi/v1/proxies/${encodeURIComponent(proxy?.id ?? workload)}/config_dump`);
  assert.equal(answer.status, 200);
  return answer.json();
}

async function queryValue(demo: Demo, query: string, timeS: number): Promise<number> {
  const url = `${demo.urls.console}/prometheus/api/v1/query?query=${encodeURIComponent(query)}&time=${timeS}`;
  const { data } = (await (await fetch(url)).json()) as { data: { result: { value: [number, string] }[] } };
  return Number(data.result[0]?.value[1] ?? Number.NaN);
}

/** The certificate that the workload's proxy shows: its fingerprint and identity. */
function certificateAt(address: string): Promise<{ fingerprint: string; identity: string }> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: address, port: 9080, rejectUnauthorized: false, ALPNProtocols: ['istio-http/1.1'] }, () => {
      const { fingerprint256, subjectaltname } = socket.getPeerCertificate();
      socket.destroy();
      resolve({ fingerprint: fingerprint256, identity: subjectaltname ?? '' });
    });
    socket.setTimeout(2_000, () => socket.destroy(new Error('no handshake in 2 s')));
    socket.on('error', reject);
  });
}

interface GraphElements {
  readonly nodes: readonly { readonly data: Readonly<Record<string, unknown>> & { readonly id: string; readonly nodeType: string } }[];
  readonly edges: readonly { readonly data: Readonly<Record<string, unknown>> & { readonly source: string; readonly target: string } }[];
}

async function graphOf(demo: Demo): Promise<GraphElements> {
  const answer = await fetch(`${demo.urls.console}/api/namespaces/graph?namespaces=bookinfo&graphType=versionedApp&duration=60s`);
  assert.equal(answer.status, 200);
  return ((await answer.json()) as { elements: GraphElements }).elements;
}

function edgeNames({ nodes, edges }: GraphElements): string[] {
  const names = new Map(nodes.map(({ data }) => [data.id, String(data['nodeType'] === 'service' ? data['service'] : data['workload'])]));
  return edges.map(({ data }) => `${names.get(data.source)} > ${names.get(data.target)}`).sort();
}

const EDGES = [
  'istio-ingressgateway > productpage',
  'productpage > productpage-v1',
  'productpage-v1 > details',
  'details > details-v1',
  'productpage-v1 > reviews',
  'reviews > reviews-v1',
  'reviews > reviews-v2',
  'reviews > reviews-v3',
  'reviews-v2 > ratings',
  'reviews-v3 > ratings',
  'ratings > ratings-v1',
  'ratings > ratings-v2',
  'ratings-v2 > postgresdb',
  'postgresdb > postgresdb-v1',
].sort();

async function wholeGraph(demo: Demo): Promise<GraphElements> {
  return eventually('the graph has all its edges, told of by both ends', 20_000, async () => {
    const graph = await graphOf(demo);
    return EDGES.every((edge) => edgeNames(graph).includes(edge)) && graph.edges.every(({ data }) => data['isMTLS'] === '100') ? graph : undefined;
  });
}

/** PKCS #8 and SEC 1 keys of P-256 begin with these bytes, and so does their base64; PEM says it in words. */
const KEY_MARKS = [
  Buffer.from('PRIVATE KEY'),
  Buffer.from('308187020100301306072a8648ce3d020106082a8648ce3d030107046d306b0201010420', 'hex'),
  Buffer.from('30770201010420', 'hex'),
  Buffer.from('MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEH'),
  Buffer.from('MHcCAQEEI'),
];

function holdsPrivateKey(bytes: Buffer): boolean {
  return KEY_MARKS.some((mark) => bytes.includes(mark));
}

const envoy = findEnvoy();
const PLANES = [
  { dataPlane: 'embedded', args: [], env: {}, skip: false },
  { dataPlane: 'envoy', args: ['--interception', 'ports'], env: { MELTEMI_ENVOY: envoy ?? '' }, skip: envoy === undefined ? NO_ENVOY : false },
] as const;

for (const { dataPlane, args, env, skip } of PLANES) {
  const left = process.platform === 'linux' ? skip : 'processes are found through /proc';
  describe(`${dataPlane}: what the death of a part does to Bookinfo`, { skip: left }, () => {
    let demo: Demo;
    const config = mkdtempSync(join(tmpdir(), 'meltemi-e2e-config-'));
    const page = (): string => `${demo.urls.gateway}/productpage`;
    /** Goes through productpage to details, which has one instance. */
    const product = (): string => `${demo.urls.gateway}/api/v1/products/0`;

    before(async () => {
      writeFileSync(join(config, 'strict.yaml'), STRICT);
      demo = await startDemo(['--data-plane', dataPlane, '--load', '10', '--config', config, ...args], env);
      await eventually('all proxies are synced', 10_000, () => allSynced(demo, 0));
    });
    after(async () => {
      await demo?.[Symbol.asyncDispose]();
      rmSync(config, { recursive: true, force: true });
    });

    test('the graph API gives the nodes and edges of Bookinfo with rates, protocols, mTLS share and response times', async () => {
      const graph = await wholeGraph(demo);
      const kinds = (nodeType: string): unknown[] =>
        graph.nodes.filter(({ data }) => data.nodeType === nodeType).map(({ data }) => data['service'] ?? data['workload']);
      assert.equal(kinds('app').length, 9);
      assert.equal(kinds('service').length, 5);
      assert.deepEqual(edgeNames(graph), EDGES);
      const names = new Map(graph.nodes.map(({ data }) => [data.id, data]));
      for (const { data } of graph.edges) {
        const what = `${String(names.get(data.source)?.['app'])} > ${String(names.get(data.target)?.['workload'] ?? names.get(data.target)?.['service'])}`;
        const traffic = data['traffic'] as { protocol: string; rates: Record<string, string> };
        const isDatabase = String(names.get(data.target)?.['app'] ?? names.get(data.target)?.['service']) === 'postgresdb';
        assert.equal(traffic.protocol, isDatabase ? 'tcp' : 'http', what);
        assert.ok(Number(traffic.rates[traffic.protocol]) > 0, what);
        assert.equal(data['isMTLS'], '100', what);
        if (!isDatabase) assert.ok(Number(data['responseTime']) > 0, what);
      }
    });

    test('the control plane dies under load: no request fails, it comes back, every proxy is in sync within 5 s and gets nothing anew', async () => {
      const [addresses, vips, proxies] = [await workloadAddresses(demo), virtualAddresses(demo), await configOf(demo, 'productpage-v1')];
      const total = 'sum(istio_requests_total{reporter="source"})';
      const timeS = Date.now() / 1000;
      await using load = startLoad(page(), 2, {}, PAUSE_MS);
      // What was counted a second ago is on disk.
      await eventually('the load runs', 10_000, async () => (load.count() > 20 && Date.now() / 1000 > timeS + 2 ? true : undefined));
      const counted = await queryValue(demo, total, timeS);
      assert.ok(counted > 0);
      const killed = Date.now();
      const first = controlPlaneOf(demo.pid)?.pid ?? 0;
      process.kill(first, 'SIGKILL');
      await eventually('all proxies are synced with the new control plane', patient(RESYNC_MS), () => allSynced(demo, killed));
      assert.notEqual(controlPlaneOf(demo.pid)?.pid, first);
      const { code, stdout } = await demo.cli('proxy-status');
      assert.equal(code, 0, stdout);
      assert.equal(stdout.split('\n').filter((line) => /SYNCED\s+SYNCED\s+SYNCED\s+SYNCED/.test(line)).length, PROXIES, stdout);
      const { sent, failures } = await load.stop();
      assert.deepEqual(failures, []);
      assert.ok(sent > 20, `${sent} requests`);

      assert.deepEqual(await workloadAddresses(demo), addresses);
      assert.deepEqual(virtualAddresses(demo), vips);
      assert.deepEqual(await configOf(demo, 'productpage-v1'), proxies);
      // What was counted before is still known, and so is what happened meanwhile.
      assert.equal(await queryValue(demo, total, timeS), counted);
      assert.deepEqual(edgeNames(await graphOf(demo)), EDGES);
      await eventually('the requests of the outage are counted', 10_000, async () =>
        (await queryValue(demo, 'sum(istio_requests_total{reporter="source",source_app="istio-ingressgateway"})', Date.now() / 1000)) >= sent
          ? true
          : undefined,
      );
    });

    test('a proxy dies while there is no control plane: it is back within 1 s with its configuration and its identity', async () => {
      const details = proxiesOf(demo.pid).find(({ workload }) => workload === 'details-v1');
      assert.ok(details !== undefined);
      assert.equal((await get(product())).status, 200);
      const shown = await certificateAt(details.address);
      assert.match(shown.identity, /spiffe:\/\/cluster\.local\/ns\/bookinfo\/sa\/bookinfo-details/);
      const outage = keepControlPlaneDown(demo.pid);
      try {
        process.kill(details.pid, 'SIGKILL');
        await eventually('details answers again', patient(PROXY_BACK_MS), async () => {
          const { status, body } = await get(product());
          return status === 200 && body.includes('ISBN') ? true : undefined;
        });
        assert.notEqual(proxiesOf(demo.pid).find(({ workload }) => workload === 'details-v1')?.pid, details.pid);
        assert.deepEqual(await certificateAt(details.address), shown, 'the same certificate as before');
        // STRICT is still in force there: plain text gets no answer.
        assert.equal((await get(`http://${details.address}:9080/details/0`)).status, 0);
        await assert.rejects(fetch(`${demo.urls.controlPlane}/healthz`), 'the control plane was away all the time');
      } finally {
        outage.release();
      }
      const released = Date.now();
      await eventually('all proxies are synced with the new control plane', patient(RESYNC_MS), () => allSynced(demo, released - 1_000));
      assert.equal((await get(page())).status, 200);
    });

    test('an agent dies, and its proxy and application with it: the workload comes back by itself', async (t) => {
      const reviews = proxiesOf(demo.pid).find(({ workload }) => workload === 'reviews-v1');
      assert.ok(reviews !== undefined);
      if (reviews.parent === demo.pid) return t.skip('in ports mode agents live in the process of the demo');
      const family = [reviews.parent, ...descendants(reviews.parent).map(({ pid }) => pid)];
      assert.ok(family.length >= 3, 'agent, proxy and application');
      const killed = Date.now();
      process.kill(reviews.parent, 'SIGKILL');
      await eventually('reviews-v1 is back', 15_000, async () => {
        const back = (await proxiesSeen(demo)).find(({ name, connectedAt }) => name === 'reviews-v1' && connectedAt > killed);
        return back !== undefined && isSynced(back) ? true : undefined;
      });
      await eventually('what it had started has ended', 10_000, async () => (family.some(isAlive) ? undefined : true));
      await eventually('pages come from it again', 15_000, async () => (reviewsVersion((await get(page())).body) === 'v1' ? true : undefined));
      return undefined;
    });

    test('no private key is in any file but those of the authority, which only its user can read', async () => {
      const proxies = await eventually('all proxies run', 10_000, async () => {
        const found = proxiesOf(demo.pid);
        return found.length === PROXIES ? found : undefined;
      });
      const folders = [demo.stateDir, ...new Set(proxies.map(({ folder }) => folder))];
      assert.equal(folders.length, PROXIES + 1);
      const files = folders.flatMap(filesBelow);
      assert.ok(files.length > 20, `${files.length} files`);
      const found = files
        .filter(({ bytes }) => holdsPrivateKey(bytes))
        .map(({ path, mode }) => `${path.slice(demo.stateDir.length)} ${mode.toString(8)}`);
      assert.deepEqual(found.sort(), ['/ca/issuing.pem 600', '/ca/root.pem 600']);
    });
  });
}

/** Name to address, as the control plane tells it. */
async function workloadAddresses(demo: Demo): Promise<readonly string[]> {
  return (await proxiesSeen(demo)).map(({ name, address }) => `${name} ${address}`).sort();
}

function virtualAddresses(demo: Demo): unknown {
  return JSON.parse(readFileSync(join(demo.stateDir, 'registry', 'vips.json'), 'utf8'));
}
