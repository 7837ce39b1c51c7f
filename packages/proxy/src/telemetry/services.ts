import type { DestinationService } from '@meltemi/telemetry/recording';
import type { StreamInfo } from '../types.ts';

const PASSTHROUGH = new Set(['PassthroughCluster', 'BlackHoleCluster', 'InboundPassthroughCluster']);
/** The virtual host of what REGISTRY_ONLY refuses. It answers by itself; in metrics that is the cluster that leads nowhere. */
const BLOCKED = 'block_all';
const NONE: DestinationService = { host: '', name: '', namespace: '' };

/**
 * The service that a stream was for. A cluster of a service says so itself; one of several services goes by the host asked for. Traffic
 * without a service is named after its cluster, or (a sidecar's request that no route took) after the service or
 * the host asked for. A gateway's
 * host header comes from strangers and never becomes a label.
 */
export function destinationService(info: StreamInfo, gateway: boolean): DestinationService {
  const services = info.cluster?.config.services ?? [];
  const [first] = services;
  if (first !== undefined) return services.length === 1 || info.authority === '' ? first : (serviceNamed(services, info.authority) ?? first);
  const nowhere = clusterOfNobody(info);
  if (nowhere !== undefined) return { host: info.protocol === 'http' ? withoutPort(info.authority) : '', name: nowhere, namespace: '' };
  if (info.chain.listener.direction === 'outbound' && !gateway) {
    return serviceOfVirtualHost(info.virtualHost) ?? serviceOfAuthority(info.authority);
  }
  return NONE;
}

function clusterOfNobody({ clusterName, virtualHost }: StreamInfo): string | undefined {
  if (clusterName === '' && virtualHost === BLOCKED) return 'BlackHoleCluster';
  return PASSTHROUGH.has(clusterName) ? clusterName : undefined;
}

function serviceNamed(services: readonly DestinationService[], authority: string): DestinationService | undefined {
  const host = withoutPort(authority);
  return services.find((service) => service.host === host || service.name === host || host.startsWith(`${service.name}.${service.namespace}`));
}

/**
 * A request whose route leads nowhere (NC, a cluster that does not exist) was still meant for the service whose virtual host it matched; the
 * authority may be no more than that service's address, which means nothing to a reader.
 */
function serviceOfVirtualHost(virtualHost: string): DestinationService | undefined {
  const host = withoutPort(virtualHost);
  const [, name, namespace] = /^([^.*]+)\.([^.]+)\.svc\./.exec(host) ?? [];
  return name === undefined || namespace === undefined ? undefined : { host, name, namespace };
}

function serviceOfAuthority(authority: string): DestinationService {
  const host = withoutPort(authority);
  return { host, name: host, namespace: '' };
}

function withoutPort(authority: string): string {
  return authority.replace(/:\d+$/, '');
}
