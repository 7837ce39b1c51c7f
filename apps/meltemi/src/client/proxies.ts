import { MeshError } from '@meltemi/base';
import type { Json } from '../proxy-config/config-dump.ts';
import type { ControlPlaneClient } from './control-plane-client.ts';

/** What the control plane knows of one xDS type at one proxy. */
export interface TypeStatus {
  readonly type: string;
  /** `SYNCED` acknowledged; `STALE` sent, not answered; `NACK` refused; `NOT SENT` never asked for. */
  readonly state: 'SYNCED' | 'STALE' | 'NACK' | 'NOT SENT';
  readonly message?: string;
}

/** One connected proxy: an entry of `GET /meltemi/v1/proxies`. */
export interface ProxyStatus {
  readonly id: string;
  readonly name: string;
  readonly namespace: string;
  readonly type: string;
  readonly address: string;
  readonly dataPlane: string;
  readonly connectedAt: number;
  readonly types: readonly TypeStatus[];
}

export async function listProxies(client: ControlPlaneClient): Promise<readonly ProxyStatus[]> {
  return (await client.request<{ readonly proxies: readonly ProxyStatus[] }>('GET', '/meltemi/v1/proxies')).proxies;
}

/** The proxy that `name` (`reviews-v2`, `reviews-v2.bookinfo`) means. A name that fits none or several is an error that lists them. */
export async function findProxy(client: ControlPlaneClient, name: string): Promise<ProxyStatus> {
  const all = await listProxies(client);
  const exact = all.filter((proxy) => `${proxy.name}.${proxy.namespace}` === name || proxy.name === name || proxy.id === name);
  if (exact.length === 1 && exact[0] !== undefined) return exact[0];
  const names = all.map((proxy) => `${proxy.name}.${proxy.namespace}`).sort();
  const known = names.length === 0 ? 'No proxy is connected.' : `Connected: ${names.join(', ')}`;
  throw new MeshError(
    'cli/no-proxy',
    exact.length === 0 ? `no connected proxy is called "${name}". ${known}` : `"${name}" fits several proxies; write NAME.NAMESPACE. ${known}`,
  );
}

/** The proxy's own `/config_dump`, asked for through the control plane. */
export async function configDump(client: ControlPlaneClient, proxy: ProxyStatus): Promise<Json> {
  return client.request<Json>('GET', `/meltemi/v1/proxies/${encodeURIComponent(proxy.id)}/config_dump`);
}

/** Has the proxy exchanged for a new process of the program that is installed now; its process id. */
export async function restartProxy(client: ControlPlaneClient, proxy: ProxyStatus): Promise<number> {
  const path = `/meltemi/v1/proxies/${encodeURIComponent(proxy.id)}/restart`;
  return (await client.request<{ readonly pid: number }>('POST', path, { timeoutMs: RESTART_MS })).pid;
}

const RESTART_MS = 75_000;

/** Who has the newest configuration in force. */
export interface Acknowledgement {
  readonly t: 'acknowledged' | 'timeout' | 'rejected';
  readonly acknowledged: number;
  readonly pending: readonly string[];
  readonly rejected: readonly { readonly nodeId: string; readonly message: string }[];
}

/** Waits until the last connected proxy has answered the newest configuration. */
export function acknowledged(client: ControlPlaneClient, timeoutMs: number): Promise<Acknowledgement> {
  return client.request<Acknowledgement>('GET', `/meltemi/v1/acknowledged?timeoutMs=${timeoutMs}`, { timeoutMs: timeoutMs + 5_000 });
}
