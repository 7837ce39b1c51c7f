import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { NodeResources } from './mesh-case.ts';

/** The Envoy of MELTEMI_ENVOY, of PATH, or of Python's `envoy` package; undefined when there is none. */
export function findEnvoy(): string | undefined {
  const named = process.env['MELTEMI_ENVOY'];
  if (named !== undefined && named !== '') return named;
  const onPath = (process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, 'envoy')).find(existsSync);
  if (onPath !== undefined) return onPath;
  try {
    const script = "import envoy, os; print(os.path.dirname(envoy.__file__) + '/_bin/envoy')";
    const found = execFileSync('python3', ['-c', script], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
    return existsSync(found) ? found : undefined;
  } catch {
    return undefined;
  }
}

/** What Envoy says against the resources of some nodes, all in one run; undefined when it takes them all. */
export function validate(envoy: string, nodes: readonly NodeResources[]): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'meltemi-validate-'));
  try {
    const file = join(folder, 'bootstrap.json');
    writeFileSync(file, JSON.stringify(bootstrap(nodes)));
    const result = spawnSync(envoy, ['--mode', 'validate', '-c', file, '--log-level', 'error', '--concurrency', '1'], { encoding: 'utf8', timeout: 120_000 });
    return result.status === 0 ? undefined : `${result.stdout}\n${result.stderr}`;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

type Named = Readonly<Record<string, unknown>>;

/** Everything static: routes stand in their listeners, endpoints in clusters of their own beside the EDS ones. Names and addresses are told apart; what is the same twice stands once. */
function bootstrap(nodes: readonly NodeResources[]): object {
  const clusters = new Map<string, object>();
  const listeners = new Map<string, object>();
  const add = (map: Map<string, object>, resource: Named, more: (index: number) => Named): void => {
    const key = JSON.stringify(resource);
    if (!map.has(key)) map.set(key, { ...resource, ...more(map.size) });
  };
  for (const { clusters: own, endpoints, listeners: listening, routes } of nodes) {
    const byName = new Map(routes.map((route) => [(route as { name?: string }).name ?? '', route]));
    for (const cluster of (own as readonly Named[]).map(withoutAds)) add(clusters, cluster, (index) => ({ name: `${index}|${String(cluster['name'])}` }));
    for (const assignment of endpoints as readonly Named[]) {
      add(clusters, { type: 'STATIC', load_assignment: assignment }, (index) => ({ name: `${index}|assignment` }));
    }
    for (const listener of listening as readonly Named[]) {
      const complete = JSON.parse(JSON.stringify(listener), inlineRoutes(byName)) as Named;
      add(listeners, complete, (index) => ({ name: `${index}|${String(listener['name'])}`, ...otherAddress(listener, index) }));
    }
  }
  return {
    node: { id: 'sidecar~10.0.0.1~golden.test~test.svc.cluster.local', cluster: 'golden' },
    dynamic_resources: { ads_config: { api_type: 'GRPC', transport_api_version: 'V3', grpc_services: [{ envoy_grpc: { cluster_name: 'xds' } }] } },
    // As in the agent's bootstrap.
    layered_runtime: { layers: [{ name: 'meltemi', static_layer: { 're2.max_program_size.error_level': 32_768 } }] },
    static_resources: { clusters: [agent('xds'), agent('meltemi-agent'), ...clusters.values()], listeners: [...listeners.values()] },
  };
}

/** In a bootstrap (not over CDS), Envoy makes such a cluster before it has the aggregated stream, and falls over secrets from there. */
function withoutAds(cluster: Named): Named {
  if (cluster['type'] !== 'ORIGINAL_DST') return cluster;
  const source = { api_config_source: { api_type: 'GRPC', transport_api_version: 'V3', grpc_services: [{ envoy_grpc: { cluster_name: 'xds' } }] }, resource_api_version: 'V3' };
  return JSON.parse(JSON.stringify(cluster), (key, value: unknown) => (key === 'sds_config' ? source : value)) as Named;
}

function otherAddress(listener: Named, index: number): Named {
  return listener['address'] === undefined ? {} : { address: { socket_address: { address: `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`, port_value: 1 } } };
}

function agent(cluster: string): object {
  return {
    name: cluster,
    type: 'STATIC',
    typed_extension_protocol_options: {
      'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
        '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
        explicit_http_config: { http2_protocol_options: {} },
      },
    },
    load_assignment: { cluster_name: cluster, endpoints: [{ lb_endpoints: [{ endpoint: { address: { pipe: { path: '/tmp/none.sock' } } } }] }] },
  };
}

function inlineRoutes(byName: ReadonlyMap<string, object>) {
  return (key: string, value: unknown): unknown => {
    // Clusters have other names here, and Zipkin's tracer wants its own to be there.
    if (key === 'collector_cluster') return 'xds';
    if (key === 'http_uri') return { ...(value as object), cluster: 'xds' };
    if (typeof value !== 'object' || value === null || !('rds' in value)) return value;
    const { rds, ...rest } = value as { readonly rds: { readonly route_config_name: string } };
    const table = byName.get(rds.route_config_name);
    if (table === undefined) throw new Error(`${key}: the listener asks for a route table "${rds.route_config_name}" that is not made`);
    return { ...rest, route_config: table };
  };
}
