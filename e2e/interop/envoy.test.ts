import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { silentLog } from '@meltemi/base';
import { createAdsServer, type AdsServer, type GeneratedResource } from '@meltemi/control-plane';
import { createGrpcServer } from '@meltemi/grpc';
import { loadCodec } from '@meltemi/protos';
import {
  ANY_TYPE,
  EXTENSION_NAME,
  packAny,
  TYPE_URL,
  type Cluster,
  type ClusterLoadAssignment,
  type Listener,
  type RouteConfiguration,
} from '@meltemi/protos-types';
import { eventually, get } from '../testkit/load.ts';
import { findEnvoy, NO_ENVOY, startEnvoy, type EnvoyProcess } from './envoy-process.ts';

const ADS = { ads: {}, resource_api_version: 'V3' } as const;
const ACK_MS = 10_000;

/** What the tests vary: clusters with their backends, and where the route goes. */
interface Mesh {
  readonly clusters: Readonly<Record<string, { readonly port: number; readonly fields?: Partial<Cluster> }>>;
  readonly route: string;
}

type Push = ReadonlyMap<string, ReadonlyMap<string, GeneratedResource>>;

function resourcesOf(mesh: Mesh): Push {
  const named = (items: readonly (readonly [string, GeneratedResource])[]) => new Map(items);
  const entries = Object.entries(mesh.clusters);
  return new Map([
    [TYPE_URL.cluster, named(entries.map(([name, { fields }]) => [name, { json: cluster(name, fields), endpointName: name }]))],
    [TYPE_URL.endpoint, named(entries.map(([name, { port }]) => [name, { json: assignment(name, port) }]))],
    [TYPE_URL.listener, named([['web', { json: listener() }]])],
    [TYPE_URL.route, named([['routes', { json: routes(mesh.route) }]])],
  ]);
}

function cluster(name: string, fields: Partial<Cluster> = {}): Cluster {
  return { name, type: 'EDS', eds_cluster_config: { eds_config: ADS, service_name: name }, connect_timeout: '1s', ...fields };
}

function assignment(name: string, port: number): ClusterLoadAssignment {
  return {
    cluster_name: name,
    endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: '127.0.0.1', port_value: port } } } }] }],
  };
}

function listener(): Listener {
  const router = { name: EXTENSION_NAME.router, typed_config: packAny(ANY_TYPE.router, {}) };
  const manager = packAny(ANY_TYPE.httpConnectionManager, {
    stat_prefix: 'web',
    rds: { config_source: ADS, route_config_name: 'routes' },
    http_filters: [router],
  });
  return {
    name: 'web',
    address: { socket_address: { address: '127.0.0.1', port_value: 0 } },
    filter_chains: [{ filters: [{ name: EXTENSION_NAME.httpConnectionManager, typed_config: manager }] }],
  };
}

function routes(to: string): RouteConfiguration {
  return { name: 'routes', virtual_hosts: [{ name: 'all', domains: ['*'], routes: [{ match: { prefix: '/' }, route: { cluster: to } }] }] };
}

interface World extends AsyncDisposable {
  readonly ads: AdsServer<Push>;
  readonly xdsPort: number;
  /** Ports of two backends that answer with their name. */
  readonly blue: number;
  readonly green: number;
  apply(mesh: Mesh): Promise<Awaited<ReturnType<AdsServer<Push>['waitForAck']>>>;
}

async function startWorld(): Promise<World> {
  const ads = createAdsServer<Push>({
    generator: {
      generate(_, typeUrl, names, push) {
        const all = push.get(typeUrl) ?? new Map<string, GeneratedResource>();
        return names === '*' ? all : new Map([...all].filter(([name]) => names.has(name)));
      },
    },
    verifyNode: () => undefined,
    codec: loadCodec('all'),
    clock: { now: () => Date.now(), monotonic: () => performance.now() },
    timers: {
      after(delayMs, run) {
        const timer = setTimeout(run, delayMs);
        return { cancel: () => clearTimeout(timer) };
      },
    },
    log: silentLog,
  });
  const server = createGrpcServer({ methods: ads.plaintextHandlers });
  const { port } = await server.listen({ host: '127.0.0.1', port: 0 });
  const backends = await Promise.all(['blue', 'green'].map(startBackend));
  let version = 0;
  return {
    ads,
    xdsPort: port,
    blue: backends[0]!.port,
    green: backends[1]!.port,
    apply(mesh) {
      ads.update({ version: ++version, push: resourcesOf(mesh) });
      return ads.waitForAck(version, ACK_MS);
    },
    async [Symbol.asyncDispose]() {
      ads.close();
      await server.close();
      for (const backend of backends) backend.close();
    },
  };
}

async function startBackend(name: string): Promise<{ port: number; close(): void }> {
  const server = createServer((_, response) => response.end(name));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** Asks in a loop until stopped; everything but 200 is kept. */
function startLoad(url: string): AsyncDisposable & { stop(): Promise<{ answers: number; failures: string[] }> } {
  let running = true;
  const failures: string[] = [];
  let answers = 0;
  const loop = (async () => {
    while (running) {
      const reply = await get(url);
      answers++;
      if (reply.status !== 200) failures.push(`${reply.status} ${reply.body} ${reply.error ?? ''}`);
    }
  })();
  return {
    async stop() {
      running = false;
      await loop;
      return { answers, failures };
    },
    async [Symbol.asyncDispose]() {
      await this.stop();
    },
  };
}

async function warming(envoy: EnvoyProcess): Promise<unknown> {
  const dump = (await envoy.admin('/config_dump?resource=dynamic_warming_clusters')) as { configs?: unknown[] };
  return dump.configs ?? [];
}

const binary = findEnvoy();

for (const protocol of ['delta', 'sotw'] as const) {
  test(
    `Envoy, ${protocol}: changed clusters come out of warming at once, moves and removals lose no request, a bad cluster stops no good one`,
    { skip: binary === undefined ? NO_ENVOY : false },
    async () => {
      await using world = await startWorld();
      const { blue, green } = world;
      await world.apply({ clusters: { one: { port: blue } }, route: 'one' });
      await using envoy = await startEnvoy(binary ?? '', world.xdsPort, protocol, `sidecar~127.0.0.1~${protocol}.default~default.svc.cluster.local`);
      const url = `http://${await envoy.listener('web')}/`;
      // Envoy names the address of a listener a moment before its worker listens there.
      const first = await eventually('a first answer', 5_000, async () => {
        const { status, body } = await get(url);
        return status === 0 ? undefined : body;
      });
      assert.equal(first, 'blue');
      await using load = startLoad(url);

      // The cluster changes and its endpoints do not: Envoy waits for them all the same.
      const started = performance.now();
      assert.equal((await world.apply({ clusters: { one: { port: blue, fields: { connect_timeout: '2s' } } }, route: 'one' })).t, 'acknowledged');
      assert.ok(performance.now() - started < 2_000, 'no initial_fetch_timeout was waited for');
      assert.deepEqual(await warming(envoy), []);

      // A new cluster, the route to it and the end of the old cluster in one change.
      for (const [name, port] of [
        ['two', green],
        ['three', blue],
        ['four', green],
      ] as const) {
        assert.equal((await world.apply({ clusters: { [name]: { port } }, route: name })).t, 'acknowledged');
        assert.equal((await get(url)).body, port === blue ? 'blue' : 'green');
      }
      // The endpoint alone moves.
      assert.equal((await world.apply({ clusters: { four: { port: blue } }, route: 'four' })).t, 'acknowledged');
      assert.equal((await get(url)).body, 'blue');

      // One bad cluster beside a good new one: the good one is taken and routed to, the refusal is told.
      const bad = { port: blue, fields: { lb_policy: 'CLUSTER_PROVIDED' as const } };
      const result = await world.apply({ clusters: { four: { port: blue }, good: { port: green }, bad }, route: 'good' });
      assert.equal(result.t, 'rejected');
      assert.match(result.rejected[0]?.message ?? '', /bad/);
      assert.equal((await world.apply({ clusters: { four: { port: blue }, good: { port: green } }, route: 'good' })).t, 'acknowledged');
      assert.equal((await get(url)).body, 'green');

      const { answers, failures } = await load.stop();
      assert.deepEqual(failures, []);
      assert.ok(answers > 10, `${answers} answers`);
    },
  );
}
