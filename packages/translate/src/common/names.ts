import type { Service } from '@meltemi/model';

/** Istio's cluster names; consoles and scripts depend on them. */
export const PASSTHROUGH_CLUSTER = 'PassthroughCluster';
/** To the host that a request names, where `ALLOW_ANY_DYNAMIC_DNS` lets it go. */
export const DYNAMIC_DNS_CLUSTER = 'DynamicDnsCluster';
export const BLACKHOLE_CLUSTER = 'BlackHoleCluster';
export const INBOUND_PASSTHROUGH_CLUSTER = 'InboundPassthroughCluster';
/** The agent's own gRPC endpoint, in Envoy's bootstrap: access-log service and trace collector. */
export const AGENT_CLUSTER = 'meltemi-agent';

/** `outbound|9080|v1|reviews.bookinfo.svc.cluster.local`. */
export function outboundCluster(port: number, subset: string, hostname: string): string {
  return `outbound|${port}|${subset}|${hostname}`;
}

/** Route table of a port that is looked at: `reviews.bookinfo.svc.cluster.local:9080`. */
export function sniffedRouteName(hostname: string, port: number): string {
  return `${hostname}:${port}`;
}

/** The inverse of `sniffedRouteName`; undefined for other names. */
export function parseSniffedRoute(name: string): { readonly hostname: string; readonly port: number } | undefined {
  const [, hostname, port] = /^([^|:]*[^|:\d][^|:]*):([1-9]\d{0,4})$/.exec(name) ?? [];
  return hostname === undefined ? undefined : { hostname, port: Number(port) };
}

/** `inbound|9080||`. */
export function inboundCluster(port: number): string {
  return `inbound|${port}||`;
}

/** The inverse of `outboundCluster`; undefined for other names. */
export function parseOutboundCluster(name: string): { readonly port: number; readonly subset: string; readonly hostname: string } | undefined {
  const [direction, port, subset, hostname] = name.split('|');
  if (direction !== 'outbound' || subset === undefined || hostname === undefined || hostname === '') return undefined;
  const number = Number(port);
  return Number.isInteger(number) && number > 0 ? { port: number, subset, hostname } : undefined;
}

/** Server name of mesh TLS: `outbound_.9080_.v1_.reviews.bookinfo.svc.cluster.local`. */
export function meshSni(port: number, subset: string, hostname: string): string {
  return `outbound_.${port}_.${subset}_.${hostname}`;
}

/** Cluster metadata by which a proxy knows what service it calls. */
export function serviceMetadata(service: Service): { readonly host: string; readonly name: string; readonly namespace: string } {
  return { host: service.hostname, name: service.name, namespace: service.namespace };
}
