import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

/** The Envoy of MELTEMI_ENVOY, of PATH, or of Python's `envoy` package; undefined when there is none. */
export function findEnvoy(): string | undefined {
  const named = process.env['MELTEMI_ENVOY'];
  if (named !== undefined && named !== '') return named;
  const onPath = (process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, 'envoy'));
  const python = spawnSync('python3', ['-c', 'import envoy,os;print(os.path.dirname(envoy.__file__))'], { encoding: 'utf8' });
  return [...onPath, join((python.stdout ?? '').trim() || '/nonexistent', '_bin', 'envoy')].find((path) => existsSync(path));
}

/** What to say where there is no Envoy. */
export const NO_ENVOY = 'no Envoy: put one on PATH, set MELTEMI_ENVOY to its path, or `pip install envoy`';

export interface EnvoyProcess extends AsyncDisposable {
  /** JSON of an admin path; undefined while it does not answer. */
  admin(path: string): Promise<unknown>;
  /** `host:port` of a listener by name, once it is there. */
  listener(name: string): Promise<string>;
  readonly log: () => string;
}

/** Starts Envoy as an xDS client of a plaintext server, with its ports chosen by the system. */
export async function startEnvoy(binary: string, xdsPort: number, protocol: 'delta' | 'sotw', nodeId: string): Promise<EnvoyProcess> {
  const folder = mkdtempSync(join(tmpdir(), 'meltemi-envoy-'));
  const adminFile = join(folder, 'admin');
  writeFileSync(join(folder, 'bootstrap.json'), JSON.stringify(bootstrap(xdsPort, protocol, nodeId)));
  const child = spawn(
    binary,
    ['-c', join(folder, 'bootstrap.json'), '--use-dynamic-base-id', '--concurrency', '1', '--admin-address-path', adminFile, '-l', 'warning'],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (log += text));
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const admin = async (path: string): Promise<unknown> => {
    try {
      return await (await fetch(`http://${readFileSync(adminFile, 'utf8')}${path}`)).json();
    } catch {
      return undefined;
    }
  };
  return {
    admin,
    log: () => log,
    async listener(name) {
      const deadline = performance.now() + 15_000;
      while (performance.now() < deadline) {
        const answer = (await admin('/listeners?format=json')) as
          | { listener_statuses?: { name: string; local_address: { socket_address: { address: string; port_value: number } } }[] }
          | undefined;
        const found = answer?.listener_statuses?.find((status) => status.name === name)?.local_address.socket_address;
        if (found !== undefined) return `${found.address}:${found.port_value}`;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      throw new Error(`Envoy has no listener ${name} after 15 s:\n${log}`);
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM');
      const hard = setTimeout(() => child.kill('SIGKILL'), 3_000);
      await exited;
      clearTimeout(hard);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function bootstrap(xdsPort: number, protocol: 'delta' | 'sotw', nodeId: string): object {
  const ads = { ads: {}, resource_api_version: 'V3' };
  return {
    node: { id: nodeId, cluster: 'interop', metadata: { NAMESPACE: 'default' } },
    admin: { address: { socket_address: { address: '127.0.0.1', port_value: 0 } } },
    dynamic_resources: {
      ads_config: {
        api_type: protocol === 'delta' ? 'DELTA_GRPC' : 'GRPC',
        transport_api_version: 'V3',
        set_node_on_first_message_only: true,
        grpc_services: [{ envoy_grpc: { cluster_name: 'xds' } }],
      },
      cds_config: ads,
      lds_config: ads,
    },
    static_resources: {
      clusters: [
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
          load_assignment: {
            cluster_name: 'xds',
            endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: '127.0.0.1', port_value: xdsPort } } } }] }],
          },
        },
      ],
    },
  };
}
