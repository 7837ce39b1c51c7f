import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PROXY_ENVIRONMENT, PROXY_NODE_OPTIONS } from '@meltemi/agent';
import type { ProtoCodec } from '@meltemi/protos';
import { eventually } from '../../testkit/load.ts';
import { followAccessLog, type AccessLogReader } from './access-log.ts';
import type { ProxyPlace } from './context.ts';
import type { Identities } from './identities.ts';
import { LOCAL_ENDPOINTS, LOCAL_STATIC_CLUSTER, PROXY_LOCALITY } from './local-cluster.ts';
import { startXdsServer, type XdsServer } from './xds-server.ts';

export type ProxyName = 'embedded' | 'envoy';

/** One proxy under test with its control plane. */
export interface Proxy extends AsyncDisposable {
  readonly name: ProxyName;
  readonly place: ProxyPlace;
  readonly xds: XdsServer;
  readonly accessLog: AccessLogReader;
  /** Names of the listeners that take connections. */
  listeners(): Promise<ReadonlySet<string>>;
  /** JSON of an admin path. */
  admin(path: string): Promise<unknown>;
  /** `http://127.0.0.1:9901` of the admin port. */
  adminUrl(): string;
  /** What the process has said so far, and whether it still runs. */
  log(): string;
  readonly alive: boolean;
}

/** Whose proxy is tested: this tree's, or that of another one (a build, an older version). */
const ROOT = process.env['MELTEMI_PARITY_ROOT'] ?? fileURLToPath(new URL('../../..', import.meta.url));
/** Below the range that the system takes ports from for outgoing connections. */
const FIRST_PORT = 20_000;
const ADMIN_PORT = 19_998;
const METRICS_PORT = 19_999;
const FLUSH_MS = 10;
const START_LIMIT_MS = 20_000;

interface Parts {
  readonly name: ProxyName;
  readonly folder: string;
  readonly socketPath: string;
  readonly address: string;
}

/** A loopback address of this run alone: listeners then need no port of the system's choice. */
function loopbackAddress(last: number): string {
  if (process.platform !== 'linux') return '127.0.0.1';
  return `127.${64 + (process.pid % 64)}.${(process.pid >> 6) % 256}.${last}`;
}

/** Starts our proxy, as the agent would. */
export function startEmbedded(codec: ProtoCodec, identities: Identities): Promise<Proxy> {
  return startProxy('embedded', 1, { codec, identities }, ({ socketPath, address }) => {
    const options = {
      agentSocket: socketPath,
      address,
      adminPort: ADMIN_PORT,
      metricsPort: METRICS_PORT,
      drainMs: 100,
      accessLogFlushMs: FLUSH_MS,
      workers: Number(process.env['MELTEMI_PARITY_WORKERS'] ?? 0),
      node: node('sidecar~127.0.0.1~parity.test~test.svc.cluster.local'),
    };
    // Node as the agent starts it, or another runtime.
    const [runtime, flags] =
      process.env['MELTEMI_PARITY_RUNTIME'] === undefined ? [process.execPath, PROXY_NODE_OPTIONS] : [process.env['MELTEMI_PARITY_RUNTIME'], []];
    const child = spawn(runtime, [...flags, 'apps/meltemi/src/main.ts', 'proxy-worker'], {
      cwd: ROOT,
      env: { ...PROXY_ENVIRONMENT, ...process.env, MELTEMI_PROXY_OPTIONS: JSON.stringify(options) },
      stdio: ['pipe', 'ignore', 'pipe'],
    });
    return { child, adminAddress: () => `${address}:${ADMIN_PORT}` };
  });
}

/** Starts Envoy with one worker. */
export function startEnvoy(binary: string, codec: ProtoCodec, identities: Identities): Promise<Proxy> {
  return startProxy('envoy', 2, { codec, identities }, ({ folder, socketPath }) => {
    const adminFile = join(folder, 'admin');
    writeFileSync(join(folder, 'bootstrap.json'), JSON.stringify(bootstrap(socketPath)));
    const flags = ['--use-dynamic-base-id', '--concurrency', '1', '--file-flush-interval-msec', String(FLUSH_MS), '--drain-time-s', '1'];
    const child = spawn(binary, ['-c', join(folder, 'bootstrap.json'), '--admin-address-path', adminFile, '-l', 'error', ...flags], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    return { child, adminAddress: () => readText(adminFile) };
  });
}

interface Started {
  readonly child: ChildProcess;
  readonly adminAddress: () => string | undefined;
}

interface Shared {
  readonly codec: ProtoCodec;
  readonly identities: Identities;
}

async function startProxy(name: ProxyName, last: number, { codec, identities }: Shared, start: (parts: Parts) => Started): Promise<Proxy> {
  const folder = mkdtempSync(join(tmpdir(), `meltemi-parity-${name}-`));
  const socketPath = join(folder, 'xds.sock');
  const address = loopbackAddress(last);
  const accessLog = followAccessLog(join(folder, 'access.log'));
  const xds = await startXdsServer(socketPath, codec, { endpoints: [LOCAL_ENDPOINTS] });
  const { child, adminAddress } = start({ name, folder, socketPath, address });
  let log = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (log += text));
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const isAlive = (): boolean => child.exitCode === null && child.signalCode === null;
  const admin = async (path: string): Promise<unknown> => {
    const base = adminAddress();
    if (base === undefined) throw new Error('no admin address yet');
    const response = await fetch(`http://${base}${path}`);
    return path.includes('json') ? response.json() : response.text();
  };
  let port = name === 'embedded' ? FIRST_PORT : FIRST_PORT + 6_000;
  const proxy: Proxy = {
    name,
    place: { address, folder, logPath: accessLog.path, identities, nextPort: () => port++ },
    xds,
    accessLog,
    admin,
    adminUrl: () => `http://${adminAddress() ?? ''}`,
    log: () => log,
    get alive() {
      return isAlive();
    },
    async listeners() {
      const { listener_statuses: all = [] } = (await admin('/listeners?format=json')) as {
        listener_statuses?: { name: string; local_address?: { socket_address?: { port_value: number } } }[];
      };
      return new Set(all.filter((item) => (item.local_address?.socket_address?.port_value ?? 0) > 0).map((item) => item.name));
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM');
      const hard = setTimeout(() => child.kill('SIGKILL'), 2_000);
      if (isAlive()) await exited;
      clearTimeout(hard);
      await xds[Symbol.asyncDispose]();
      accessLog[Symbol.dispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  try {
    await ready(proxy);
    return proxy;
  } catch (error) {
    await proxy[Symbol.asyncDispose]();
    throw error;
  }
}

/** Resolves when the proxy has asked for its configuration. */
async function ready(proxy: Proxy): Promise<void> {
  await eventually(`${proxy.name} starts`, START_LIMIT_MS, async () => {
    if (!proxy.alive) return true;
    const state = await proxy.admin('/ready');
    return String(state).startsWith('LIVE') ? true : undefined;
  });
  if (!proxy.alive) throw new Error(`${proxy.name} has ended:\n${proxy.log()}`);
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function node(id: string): object {
  return { id, cluster: 'parity', locality: PROXY_LOCALITY, metadata: { NAMESPACE: 'test', WORKLOAD_NAME: 'parity' } };
}

function bootstrap(socketPath: string): object {
  const ads = { ads: {}, resource_api_version: 'V3' };
  return {
    node: node('parity'),
    admin: { address: { socket_address: { address: '127.0.0.1', port_value: 0 } } },
    dynamic_resources: {
      ads_config: {
        api_type: 'DELTA_GRPC',
        transport_api_version: 'V3',
        set_node_on_first_message_only: true,
        grpc_services: [{ envoy_grpc: { cluster_name: 'xds' } }],
      },
      cds_config: ads,
      lds_config: ads,
    },
    layered_runtime: {
      layers: [
        {
          name: 'test',
          static_layer: {
            'tracing.zipkin.min_flush_spans': 1,
            'tracing.opentelemetry.min_flush_spans': 1,
            'overload.global_downstream_max_connections': '50000',
          },
        },
      ],
    },
    cluster_manager: { local_cluster_name: LOCAL_STATIC_CLUSTER.name },
    bootstrap_extensions: [
      {
        name: 'envoy.bootstrap.internal_listener',
        typed_config: { '@type': 'type.googleapis.com/envoy.extensions.bootstrap.internal_listener.v3.InternalListener' },
      },
    ],
    static_resources: {
      clusters: [
        LOCAL_STATIC_CLUSTER,
        {
          name: 'xds',
          type: 'STATIC',
          connect_timeout: '1s',
          typed_extension_protocol_options: {
            'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
              '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
              explicit_http_config: { http2_protocol_options: {} },
            },
          },
          load_assignment: { cluster_name: 'xds', endpoints: [{ lb_endpoints: [{ endpoint: { address: { pipe: { path: socketPath } } } }] }] },
        },
      ],
    },
  };
}
