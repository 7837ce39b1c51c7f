import { ofKind, type Config, type SpecTypes } from '@meltemi/api';
import { kubernetesHostname } from '../convert/from-kubernetes.ts';
import type { Labels } from '../types/service.ts';

type Of<K extends keyof SpecTypes> = Config<SpecTypes[K]>;

/** What the conversion reads of the store, indexed. */
export interface GatewayApiObjects {
  readonly domainSuffix: string;
  readonly classes: ReadonlyMap<string, Of<'GatewayClass'>>;
  readonly gateways: readonly Of<'KubernetesGateway'>[];
  readonly listenerSets: readonly Of<'ListenerSet'>[];
  readonly httpRoutes: readonly Of<'HTTPRoute'>[];
  readonly grpcRoutes: readonly Of<'GRPCRoute'>[];
  readonly tlsRoutes: readonly Of<'TLSRoute'>[];
  readonly tcpRoutes: readonly Of<'TCPRoute'>[];
  readonly grants: readonly Of<'ReferenceGrant'>[];
  readonly backendPolicies: readonly Of<'BackendTLSPolicy'>[];
  /** By `namespace/name`. */
  readonly services: ReadonlyMap<string, Of<'Service'>>;
  readonly serviceEntries: ReadonlyMap<string, Of<'ServiceEntry'>>;
  readonly secrets: ReadonlyMap<string, Of<'Secret'>>;
  readonly configMaps: ReadonlyMap<string, Of<'ConfigMap'>>;
  readonly namespaceLabels: ReadonlyMap<string, Labels>;
}

/** Kinds whose objects the conversion depends on. */
export const GATEWAY_API_KINDS: ReadonlySet<string> = new Set([
  'GatewayClass',
  'KubernetesGateway',
  'ListenerSet',
  'HTTPRoute',
  'GRPCRoute',
  'TLSRoute',
  'TCPRoute',
  'ReferenceGrant',
  'BackendTLSPolicy',
]);
/** …and those that it only looks references up in. */
export const REFERRED_KINDS: ReadonlySet<string> = new Set(['Service', 'ServiceEntry', 'Secret', 'ConfigMap', 'Namespace']);

/** Indexes the objects of a store. */
export function gatewayApiObjects(configs: readonly Config[], domainSuffix: string): GatewayApiObjects {
  const byName = <S>(list: readonly Config<S>[]): ReadonlyMap<string, Config<S>> =>
    new Map(list.map((config) => [`${config.meta.namespace}/${config.meta.name}`, config]));
  return {
    domainSuffix,
    classes: new Map(ofKind(configs, 'GatewayClass').map((config) => [config.meta.name, config])),
    gateways: ofKind(configs, 'KubernetesGateway'),
    listenerSets: ofKind(configs, 'ListenerSet'),
    httpRoutes: ofKind(configs, 'HTTPRoute'),
    grpcRoutes: ofKind(configs, 'GRPCRoute'),
    tlsRoutes: ofKind(configs, 'TLSRoute'),
    tcpRoutes: ofKind(configs, 'TCPRoute'),
    grants: ofKind(configs, 'ReferenceGrant'),
    backendPolicies: ofKind(configs, 'BackendTLSPolicy'),
    services: byName(ofKind(configs, 'Service')),
    serviceEntries: byName(ofKind(configs, 'ServiceEntry')),
    secrets: byName(ofKind(configs, 'Secret')),
    configMaps: byName(ofKind(configs, 'ConfigMap')),
    namespaceLabels: new Map(
      ofKind(configs, 'Namespace').map(({ meta }) => [meta.name, { 'kubernetes.io/metadata.name': meta.name, ...meta.labels }]),
    ),
  };
}

/** The complete host of a Service. */
function serviceHost(objects: Pick<GatewayApiObjects, 'domainSuffix'>, namespace: string, name: string): string {
  return kubernetesHostname(name, namespace, objects.domainSuffix);
}

/** A service that routes can name: its host, and its ports (undefined: any). */
export interface NamedService {
  readonly host: string;
  readonly ports: readonly { readonly number: number; readonly name: string | undefined }[] | undefined;
}

/** Looks a Service, ServiceEntry or Hostname up; undefined: it is not there. */
export function namedService(
  objects: GatewayApiObjects,
  { group, kind, namespace, name }: { readonly group: string; readonly kind: string; readonly namespace: string; readonly name: string },
): NamedService | undefined | 'unknown-kind' {
  const key = `${namespace}/${name}`;
  if (isService(group, kind)) {
    const ports = objects.services.get(key)?.spec.ports ?? [];
    if (!objects.services.has(key)) return undefined;
    return { host: serviceHost(objects, namespace, name), ports: ports.map((port) => ({ number: port.port, name: port.name })) };
  }
  if (group !== 'networking.istio.io') return 'unknown-kind';
  if (kind === 'Hostname') return { host: name.toLowerCase(), ports: undefined };
  return kind === 'ServiceEntry' ? serviceEntry(objects, key) : 'unknown-kind';
}

function serviceEntry(objects: GatewayApiObjects, key: string): NamedService | undefined {
  const spec = objects.serviceEntries.get(key)?.spec;
  const [host] = spec?.hosts ?? [];
  if (host === undefined) return undefined;
  return { host: host.toLowerCase(), ports: (spec?.ports ?? []).map(({ number, name }) => ({ number, name })) };
}

function isService(group: string, kind: string): boolean {
  return kind === 'Service' && (group === '' || group === 'core');
}
