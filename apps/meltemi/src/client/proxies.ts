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
