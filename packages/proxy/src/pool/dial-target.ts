import type { CompiledCluster, Host } from '@meltemi/runtime';
import type { Worker } from '../core/worker.ts';
import type { DialTarget } from '../net/net-port.ts';
import { HttpPool } from './http-pool.ts';

/** How to reach a host of a cluster. */
export function dialTarget(worker: Worker, cluster: CompiledCluster, host: Host): DialTarget {
  const { config } = cluster;
  const tls = host.transport.t === 'tls' ? host.transport.tls : undefined;
  const serverName = tls === undefined ? '' : tls.sni === '' && tls.autoSni ? host.endpoint.hostname : tls.sni;
  return {
    address: host.endpoint.address,
    bindAddress: config.bindAddress,
    tls: tls === undefined ? undefined : worker.tls.client(tls),
    serverName,
    keepAliveMs: config.tcpKeepalive === undefined ? undefined : (config.tcpKeepalive.timeSeconds ?? 7200) * 1000,
  };
}

/** The HTTP connections to a host; they live as long as the host is in its cluster. */
export function httpPool(worker: Worker, host: Host): HttpPool {
  if (host.slot instanceof HttpPool) return host.slot;
  const pool = new HttpPool(worker, host, (cluster) => dialTarget(worker, cluster, host));
  host.slot = pool;
  return pool;
}

/** Connections to original destinations that were dropped to make room have nobody who asks for them. */
export function closeForgotten(cluster: CompiledCluster): void {
  for (const { slot } of cluster.forgotten.splice(0)) if (slot instanceof HttpPool) slot.close();
}
