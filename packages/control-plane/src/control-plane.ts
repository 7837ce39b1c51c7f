import { join } from 'node:path';
import { ofKind } from '@meltemi/api';
import {
  createAddressGuard,
  createAuthorizer,
  createHttpServer,
  createSessions,
  METADATA_ADDRESSES,
  sessionRoutes,
  signInPage,
  systemRoots,
  type HttpServerOptions,
  type Route,
} from '@meltemi/http';
import { DEFAULT_MESH_CONFIG, gatewayApiStatus, meshConfigFrom, type MeshConfig, type Workload } from '@meltemi/model';
import { loadCodec, type ProtoCodec } from '@meltemi/protos';
import { PUSH_ORDER, TYPE_URL } from '@meltemi/protos-types';
import {
  createAggregateStore,
  createConnectedRegistry,
  createDirectoryStore,
  createMesh,
  createRegisteredStore,
  createSavedValue,
  createStateStore,
  createVersionSource,
  type ConnectedRegistry,
  type ConnectedRegistryOptions,
  type Mesh,
  type WritableConfigStore,
} from '@meltemi/registry';
import { changedForOwn, changedTypes, OWN_TYPES, type ChangedTypes, type MeshState } from '@meltemi/translate';
import { createCa, type CaRoom } from './ca/index.ts';
import { createConfigApi } from './config-api/index.ts';
import { createFetchKeys, createKeyKeeper, type KeyKeeper } from './jwks/index.ts';
import { createKialiApi } from './kiali-api/index.ts';
import { consoleRoutes } from './console-files.ts';
import { watchConfigFiles } from './mesh/config-report.ts';
import { createDeclaredWorkloads } from './mesh/declared-workloads.ts';
import { createFindings } from './mesh/findings.ts';
import { createMeshGenerator, type MeshGenerator } from './mesh/generator.ts';
import { createResourceCheck } from './mesh/resource-check.ts';
import { createMeshSource } from './mesh/mesh-view.ts';
import type { ControlPlane, ControlPlaneOptions } from './options.ts';
import { guardedTimers, systemClock, systemRandom } from './platform.ts';
import { meshConflicts } from './metrics/mesh-conflicts.ts';
import { createPilotMetrics, type PilotMetrics } from './metrics/pilot-metrics.ts';
import { proxyRoutes } from './proxies/index.ts';
import { createTelemetryRoom, type TelemetryRoom } from './telemetry/index.ts';
import { createAdsServer, type AdsServer } from './xds/ads-server.ts';
import type { XdsNode } from './xds/generator.ts';
import { listenXds, type XdsListeners } from './xds-listeners.ts';

/** What has to be closed, in the order of its making; closed in the opposite one. */
type Closers = (() => void | Promise<void>)[];

/**
 * Starts a control plane: stores, mesh, xDS, certificates, configuration API, console. Throws MeshError (`http/listen`, `grpc/listen`,
 * `state/newer-format`, `config/no-directory`, `ca/…`) and leaves nothing running then.
 */
export async function startControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const closers: Closers = [];
  try {
    return await start(options, closers);
  } catch (error) {
    await closeAll(closers);
    throw error;
  }
}

async function closeAll(closers: Closers): Promise<void> {
  for (const close of closers.splice(0).toReversed()) await close();
}

async function start(options: ControlPlaneOptions, closers: Closers): Promise<ControlPlane> {
  const codec = loadCodec('all');
  // Workloads that join are told where xDS is; the port is known only once it is bound.
  let xds: XdsListeners | undefined;
  const xdsAddress = {
    ports: (calledAddress: string): string => xds?.addressAt(calledAddress) ?? '',
    get netns(): string | undefined {
      return xds?.networkAddress;
    },
  };
  const declared: { entries?: () => readonly Workload[] } = {};
  const connected = await openConnected(options, xdsAddress, declared, closers);
  const store = await openStores(options, connected, closers);
  const metrics = createPilotMetrics({ clock: systemClock, version: options.version });
  const keys = await openKeys(options, store, closers);
  const mesh = await openMesh(options, { configs: store, connected, keys, metrics }, closers);
  declared.entries = () => mesh.entries();
  const generator = createMeshGenerator({
    trustDomain: options.trustDomain,
    check: createResourceCheck(codec),
    localityOf: (address) => connected.localityOf(address),
    known: (node) => connected.known(node),
  });
  const ads = startAds(options, { codec, mesh, connected, metrics, generator }, closers);
  const ca = await openCa(options, { codec, connected, mesh, metrics }, closers);
  const telemetry = openTelemetry(options, codec, mesh, closers);
  xds = await listenXds(
    options,
    { ...ads.secureHandlers, ...ca.grpcHandlers, ...telemetry.grpcHandlers },
    ads.plaintextHandlers,
    ca.serverCertificate,
  );
  closers.push(() => xds?.close());
  const http = await listenHttp(options, { store, mesh, ads, ca, telemetry, metrics, generator }, closers);
  return {
    ...http,
    xdsAddress: xds.address,
    plaintextXdsAddress: xds.plaintextAddress,
    close: () => closeAll(closers),
    [Symbol.asyncDispose]: () => closeAll(closers),
  };
}

async function openStores(options: ControlPlaneOptions, connected: ConnectedRegistry, closers: Closers): Promise<WritableConfigStore> {
  const versions = createVersionSource(systemClock);
  const common = { clock: systemClock, log: options.log, versions };
  const state = await createStateStore({ ...common, directory: join(options.stateDir, 'config') });
  closers.push(() => state.close());
  const registered = createRegisteredStore(connected, systemClock, versions);
  closers.push(() => registered.close());
  if (options.configPaths.length === 0) return createAggregateStore([registered, state], state);
  const directory = await createDirectoryStore({ ...common, paths: options.configPaths, timers: guardedTimers(options.log) });
  closers.push(() => directory.close());
  return createAggregateStore([directory, registered, state], state);
}

async function openConnected(
  options: ControlPlaneOptions,
  xdsAddress: ConnectedRegistryOptions['xdsAddress'],
  declared: { readonly entries?: () => readonly Workload[] },
  closers: Closers,
): Promise<ConnectedRegistry> {
  const connected = await createConnectedRegistry({
    timers: guardedTimers(options.log),
    random: systemRandom,
    log: options.log,
    xdsAddress,
    saved: createSavedValue(join(options.stateDir, 'registry', 'workloads.json'), options.log),
    savedJoins: createSavedValue(join(options.stateDir, 'registry', 'joins.json'), options.log),
    registered: createDeclaredWorkloads(() => declared.entries?.() ?? NO_WORKLOADS),
    ...(options.network === undefined ? {} : { network: options.network }),
  });
  closers.push(() => connected.close());
  return connected;
}

const NO_WORKLOADS: readonly Workload[] = [];

/** Keys that issuers of tokens have at an address. */
async function openKeys(options: ControlPlaneOptions, store: WritableConfigStore, closers: Closers): Promise<KeyKeeper> {
  const allows = createAddressGuard([...METADATA_ADDRESSES, ...(options.jwksBlockedCidrs ?? [])]);
  const keys = await createKeyKeeper({
    store,
    fetch: createFetchKeys({ allows, roots: systemRoots }),
    timers: guardedTimers(options.log),
    random: systemRandom,
    log: options.log,
    saved: createSavedValue(join(options.stateDir, 'registry', 'issuer-keys.json'), options.log),
  });
  closers.push(() => keys.close());
  return keys;
}

async function openMesh(
  options: ControlPlaneOptions,
  {
    metrics,
    ...sources
  }: { readonly configs: WritableConfigStore; readonly connected: ConnectedRegistry; readonly keys: KeyKeeper; readonly metrics: PilotMetrics },
  closers: Closers,
): Promise<Mesh> {
  const mesh = await createMesh({
    ...sources,
    clock: systemClock,
    onRebuilt: (tookMs) => metrics.meshBuilt(tookMs),
    mesh: meshConfig(options),
    timers: guardedTimers(options.log),
    log: options.log,
    savedVips: createSavedValue(join(options.stateDir, 'registry', 'vips.json'), options.log),
  });
  closers.push(() => mesh.close());
  return mesh;
}

function meshConfig(options: ControlPlaneOptions): MeshConfig {
  const start: MeshConfig = {
    ...DEFAULT_MESH_CONFIG,
    trustDomain: options.trustDomain,
    accessLogFile: options.accessLog === 'off' ? '' : '/dev/stdout',
    accessLogEncoding: options.accessLog === 'json' ? 'JSON' : 'TEXT',
    tracingSamplingPercent: options.tracingSamplingPercent,
  };
  return options.meshConfig === undefined ? start : meshConfigFrom(start, options.meshConfig);
}

/** xDS follows the mesh, and streams of authenticated nodes become workloads of it. */
function startAds(
  options: ControlPlaneOptions,
  parts: {
    readonly codec: ProtoCodec;
    readonly mesh: Mesh;
    readonly connected: ConnectedRegistry;
    readonly metrics: PilotMetrics;
    readonly generator: MeshGenerator;
  },
  closers: Closers,
): AdsServer<MeshState> {
  const { codec, mesh, connected, metrics, generator } = parts;
  const ads = createAdsServer<MeshState>({
    generator,
    codec,
    clock: systemClock,
    timers: guardedTimers(options.log),
    log: options.log,
    observer: metrics.observer,
    verifyNode: (node) => generator.verify(node),
    onHealth: (connectionId, reason) => connected.setHealth(connectionId, reason === undefined ? 'healthy' : 'unhealthy'),
  });
  ads.onConnection((event) => {
    const node = event.node.principal === undefined ? undefined : generator.nodeOf(event.node);
    if (event.t === 'disconnected') return connected.disconnect(event.connectionId);
    if (node === undefined || node.type === 'grpc') return;
    connected.connect(event.connectionId, node);
    metrics.claimed(node, connected.known(node));
  });
  ads.update({ version: mesh.version, push: mesh.state });
  mesh.watch((update) => {
    metrics.meshChanged(update.changes);
    const changed = changedTypes(update.changes, update.state.push);
    const addresses = new Set(update.changes.workloads);
    const own = changedForOwn(update.changes, update.state.push);
    const changedFor = (node: XdsNode): ChangedTypes => {
      if (!addresses.has(addressOf(node))) return own(() => generator.servedAs(node));
      // All that there is, or what stands and falls with its ports; and in both cases who else there is.
      const types = generator.isAnother(node) ? PUSH_ORDER : [...OWN_TYPES, TYPE_URL.secret];
      return new Map([...own(() => generator.servedAs(node)), ...types.map((typeUrl) => [typeUrl, '*'] as const)]);
    };
    ads.update({ version: update.version, push: update.state, changed, changedFor, isUrgent: onlyEndpoints(changed) });
  });
  closers.push(() => ads.close());
  return ads;
}

/** Node ids are `sidecar~ADDRESS~…`. */
function addressOf({ id }: XdsNode): string {
  return id.split('~', 2)[1] ?? '';
}

function onlyEndpoints(changed: ReturnType<typeof changedTypes>): boolean {
  return changed.size > 0 && [...changed.keys()].every((typeUrl) => typeUrl === TYPE_URL.endpoint || typeUrl === TYPE_URL.workload);
}

async function openCa(
  options: ControlPlaneOptions,
  parts: { readonly codec: ProtoCodec; readonly connected: ConnectedRegistry; readonly mesh: Mesh; readonly metrics: PilotMetrics },
  closers: Closers,
): Promise<CaRoom> {
  const { codec, connected, mesh, metrics } = parts;
  const ca = await createCa({
    observer: metrics.authority,
    directory: join(options.stateDir, 'ca'),
    trustDomain: options.trustDomain,
    workloadTtlMs: options.workloadTtlMs,
    clock: systemClock,
    timers: guardedTimers(options.log),
    random: systemRandom,
    log: options.log,
    allocator: connected,
    configuration() {
      mesh.settle();
      const { push } = mesh.state;
      return { configs: push.inputs.configs, mesh: push.mesh };
    },
    codec,
    ...(options.network === undefined ? {} : { ipAddresses: [options.network.gateway] }),
  });
  closers.push(() => ca.close());
  return ca;
}

function openTelemetry(options: ControlPlaneOptions, codec: ProtoCodec, mesh: Mesh, closers: Closers): TelemetryRoom {
  const room = createTelemetryRoom({
    codec,
    now: () => systemClock.now(),
    timers: guardedTimers(options.log),
    log: options.log,
    folder: join(options.stateDir, 'telemetry'),
    meltemiVersion: options.version,
    trustDomain: options.trustDomain,
    knowsWorkload: (namespace, account, workload) =>
      mesh.workloads().some((known) => known.namespace === namespace && known.serviceAccount === account && known.name === workload),
  });
  closers.push(() => room.close());
  return room;
}

interface Rooms {
  readonly store: WritableConfigStore;
  readonly mesh: Mesh;
  readonly ads: AdsServer<MeshState>;
  readonly ca: CaRoom;
  readonly telemetry: TelemetryRoom;
  readonly metrics: PilotMetrics;
  readonly generator: MeshGenerator;
}

async function listenHttp(
  options: ControlPlaneOptions,
  rooms: Rooms,
  closers: Closers,
): Promise<Pick<ControlPlane, 'consoleUrl' | 'apiUrl' | 'sessionUrl'>> {
  const sessions = createSessions({ clock: systemClock, name: String(options.consolePort) });
  const token = options.adminToken;
  const serve = async (port: number, routes: readonly Route[], access: Pick<HttpServerOptions, 'authorize' | 'signInPage'>): Promise<string> => {
    const server = createHttpServer({
      routes,
      ...access,
      log: options.log,
      ...(options.hostNames === undefined ? {} : { hostNames: options.hostNames }),
    });
    closers.push(() => server.close());
    return (await server.listen({ host: options.bind, port })).url;
  };
  const { api, console } = makeRoutes(options, rooms, closers);
  // Cookies know no ports: a browser shows the console's to every application of this host. So it opens the console only.
  const apiUrl = await serve(options.apiPort, [...api, healthRoute], { authorize: createAuthorizer({ token }) });
  const pages = [
    ...console,
    ...sessionRoutes(sessions, token),
    healthRoute,
    ...(options.extraRoutes ?? []),
    ...consoleRoutes(options.consoleDirectory),
  ];
  const consoleUrl = await serve(options.consolePort, pages, { authorize: createAuthorizer({ token, sessions }), signInPage });
  return { apiUrl, consoleUrl, sessionUrl: () => `${consoleUrl}/meltemi/v1/session?ticket=${sessions.issueTicket()}` };
}

/** What the two HTTP ports serve: the configuration API on one, what the console shows on the other, the proxies on both. */
function makeRoutes(
  options: ControlPlaneOptions,
  { store, mesh, ads, ca, telemetry, metrics, generator }: Rooms,
  closers: Closers,
): { readonly api: readonly Route[]; readonly console: readonly Route[] } {
  const findings = createFindings(mesh, store, options.log, () => generator.problems(mesh.state));
  if (options.onConfigReport !== undefined)
    closers.push(watchConfigFiles({ store, mesh, findings, timers: guardedTimers(options.log) }, options.onConfigReport));
  const configApi = createConfigApi({
    store,
    clock: systemClock,
    version: options.version,
    problems: () => findings.analysis(),
    review: (config) => findings.review(config),
    status(config) {
      mesh.settle();
      return gatewayApiStatus(mesh.state.push.gatewayApi, config, mesh.workloads());
    },
  });
  closers.push(() => configApi.close());
  const proxies = proxyRoutes({ ads: ads as AdsServer<never>, version: () => mesh.settle() });
  const source = createMeshSource({
    mesh,
    store,
    findings,
    nodes: () => ads.nodes(),
    onNodes: (listener) => ads.onConnection(listener),
    timers: guardedTimers(options.log),
    version: options.version,
  });
  closers.push(() => source.close());
  const kiali = createKialiApi({
    mesh: source,
    store: telemetry.store,
    query: telemetry.engine.graphQuery,
    now: () => systemClock.now(),
    timers: guardedTimers(options.log),
    retentionMs: telemetry.retentionMs,
  });
  const monitoring = metrics.route(() => ({
    nodes: ads.nodes(),
    services: mesh.state.push.inputs.services.length,
    virtualServices: ofKind(mesh.state.push.inputs.configs, 'VirtualService').length,
    rejectedConfigs: store.problems().filter(({ severity }) => severity === 'error').length,
    conflicts: meshConflicts(mesh.state, mesh.workloads()),
    authority: { roots: ca.authority.rootsPem(), chain: ca.serverCertificate.current().cert },
  }));
  return { api: [monitoring, ...proxies, ...configApi.routes, ...ca.routes], console: [...proxies, ...kiali.routes, ...telemetry.routes] };
}

const healthRoute: Route = {
  method: 'GET',
  path: '/healthz',
  access: 'open',
  handler: () => ({ status: 200, headers: { 'content-type': 'text/plain' }, body: 'ok\n' }),
};
