import { request } from '@meltemi/http';
import { scrape } from '../endpoints/endpoints.ts';
import type { ProxyOptions } from '../types.ts';
import type { DataPlaneDriver } from './data-plane.ts';

const PROBE_TIMEOUT_MS = 1000;

/** Our own proxy: it speaks telemetry itself, drains on SIGTERM, and ends when its stdin closes. */
export function embeddedDriver(command: readonly string[], options: ProxyOptions): DataPlaneDriver {
  const admin = `http://${options.address}:${options.adminPort}`;
  return {
    command,
    env: { ...process.env, MELTEMI_PROXY_OPTIONS: JSON.stringify(options) },
    stdin: 'open',
    probe: () => isReady(admin),
    metrics: () => scrape(`http://${options.address}:${options.metricsPort}/stats/prometheus`),
    methods: {},
    close: () => Promise.resolve(),
  };
}

/** Envoy's admin says LIVE with status 200 once the first configuration is in force; ours does the same. */
export async function isReady(admin: string): Promise<boolean> {
  const response = await request({ url: `${admin}/ready`, timeoutMs: PROBE_TIMEOUT_MS });
  return response.status === 200;
}
