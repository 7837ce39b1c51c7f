import { MeshError } from '@meltemi/base';
import { request } from '@meltemi/http';
import { scrape } from '../endpoints/endpoints.ts';
import type { ProxyOptions } from '../types.ts';
import type { DataPlaneDriver } from './data-plane.ts';

const PROBE_TIMEOUT_MS = 1000;
/** The proxy's own, when nothing else is said. */
const RETIRE_MS = 45_000;
/** One pool of the C library's memory: with one for each of Node's helper threads, what they gave back stays resident (about 20 MB). */
export const PROXY_ENVIRONMENT = { MALLOC_ARENA_MAX: '1' } as const;
/**
 * Options of Node for our proxy: room for short-lived objects, twice so many MB. Left to itself Node takes 32 and more once many requests are under way at a
 * time, for which nothing is gained (`npm run bench -- http2`: the same CPU per request; decision 6).
 */
export const PROXY_NODE_OPTIONS: readonly string[] = ['--max-semi-space-size=4'];

/** Where a proxy runs. */
export interface EmbeddedPlace {
  readonly environment?: Readonly<Record<string, string>>;
  /** A network namespace that belongs to the workload. */
  readonly ownNamespace: boolean;
}

/** Our own proxy: it speaks telemetry itself, drains on SIGTERM, and ends when its stdin closes. */
export function embeddedDriver(
  command: readonly string[],
  options: ProxyOptions,
  { environment = {}, ownNamespace }: EmbeddedPlace,
): DataPlaneDriver {
  const admin = `http://${options.adminAddress}:${options.adminPort}`;
  // In a namespace of its own the kernel moves waiting connections from socket to socket (tcp_migrate_req). Elsewhere that is not ours to set: then the
  // sockets themselves change hands, which those of threads cannot.
  const givesSockets = !ownNamespace && options.workers === 0;
  // Two processes listen on one port: Node offers that on Linux (and some BSDs).
  const exchangeable = givesSockets || process.platform === 'linux';
  const env = (more: Partial<ProxyOptions>): DataPlaneDriver['env'] => ({
    ...PROXY_ENVIRONMENT,
    ...process.env,
    ...environment,
    MELTEMI_PROXY_OPTIONS: JSON.stringify({ ...options, ...more }),
  });
  return {
    command,
    env: env(exchangeable && !givesSockets ? { sharing: 'first' } : {}),
    stdin: 'open',
    messages: givesSockets,
    probe: () => isReady(admin),
    handover: !exchangeable
      ? undefined
      : {
          givesSockets,
          env: (epoch) => env({ sharing: givesSockets ? 'given' : 'shared', epoch }),
          probe: (epoch) => isEpoch(admin, epoch),
          retire: 'retire',
          retireMs: options.retireMs ?? RETIRE_MS,
        },
    metrics: () => scrape(`http://${options.address}:${options.metricsPort}/stats/prometheus`),
    configDump: () => configDumpOf(admin),
    methods: {},
    close: () => Promise.resolve(),
  };
}

const MAX_DUMP_BYTES = 64 * 1024 * 1024;

/** The admin's `/config_dump` with endpoints; both proxies answer in one shape. Throws when it does not answer with 200. */
export async function configDumpOf(admin: string): Promise<string> {
  const response = await request({ url: `${admin}/config_dump?include_eds`, maxBytes: MAX_DUMP_BYTES });
  if (response.status !== 200) throw new MeshError('agent/config-dump', `The proxy's admin answered ${response.status} to /config_dump`);
  return response.text();
}

/** Envoy's admin says LIVE with status 200 once the first configuration is in force; ours does the same. */
export async function isReady(admin: string): Promise<boolean> {
  const response = await request({ url: `${admin}/ready`, timeoutMs: PROBE_TIMEOUT_MS });
  return response.status === 200;
}

/** Predecessor and successor share the admin's port: whichever answers says which it is. */
async function isEpoch(admin: string, epoch: number): Promise<boolean> {
  const response = await request({ url: `${admin}/server_info`, timeoutMs: PROBE_TIMEOUT_MS });
  const info = response.json() as { readonly state?: string; readonly command_line_options?: { readonly restart_epoch?: number } };
  return info.state === 'LIVE' && info.command_line_options?.restart_epoch === epoch;
}
