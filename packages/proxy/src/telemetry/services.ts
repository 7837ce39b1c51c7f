import type { DestinationService } from '@meltemi/telemetry/recording';
import type { StreamInfo } from '../types.ts';

const PASSTHROUGH = new Set(['PassthroughCluster', 'BlackHoleCluster', 'InboundPassthroughCluster']);
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
  if (first !== undefined) {
    if (services.length === 1 || info.authority === '') return first;
    const host = withoutPort(info.authority);
    return (
      services.find((service) => service.host === host || service.name === host || host.startsWith(`${service.name}.${service.namespace}`)) ?? first
    );
  }
  if (PASSTHROUGH.has(info.clusterName))
    return { host: info.protocol === 'http' ? withoutPort(info.authority) : '', name: info.clusterName, namespace: '' };
  if (info.chain.listener.direction === 'outbound' && !gateway) {
    return serviceOfVirtualHost(info.virtualHost) ?? serviceOfAuthority(info.authority);
  }
  return NONE;
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
