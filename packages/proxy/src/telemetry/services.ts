import type { DestinationService } from '@meltemi/telemetry/recording';
import type { StreamInfo } from '../types.ts';

const PASSTHROUGH = new Set(['PassthroughCluster', 'BlackHoleCluster', 'InboundPassthroughCluster']);
const NONE: DestinationService = { host: '', name: '', namespace: '' };

/**
 * The service that a stream was for. A cluster of a service says so itself; one of several services goes by the host asked for. Traffic
 * without a service is named after its cluster, or (a sidecar's request that no route took) after the host, as Istio does. A gateway's
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
    const host = withoutPort(info.authority);
    return { host, name: host, namespace: '' };
  }
  return NONE;
}

function withoutPort(authority: string): string {
  return authority.replace(/:\d+$/, '');
}
