import type { HttpMatchRequest } from '@meltemi/api';
import {
  destinationRuleFor,
  labelsMatch,
  MESH_GATEWAY,
  resolveGateway,
  resolveHost,
  type Labels,
  type MergedDestinationRule,
  type PushContext,
  type Service,
} from '@meltemi/model';
import { effectivePolicy, type EffectivePolicy } from '../clusters/traffic-policy.ts';
import { filled } from '../common/defined.ts';
import { outboundCluster } from '../common/names.ts';

/** Routes of sidecars. One list for all: what was made for the same list is taken over. */
export const MESH_ONLY: readonly string[] = [MESH_GATEWAY];

/** For whom routes are made: a client, at one listener port, seen through `mesh` or through Gateways. */
export interface RouteScope {
  readonly push: Pick<PushContext, 'mesh' | 'destinationRules'>;
  /** The services the client sees. */
  readonly services: Pick<ReadonlyMap<string, Service>, 'get'>;
  /** The client's rule for a service, where it is not simply to be looked up. */
  readonly ruleFor?: (service: Service) => MergedDestinationRule | undefined;
  readonly namespace: string;
  readonly labels: Labels;
  /** `mesh`, or the `namespace/name` of the Gateways of this listener. */
  readonly gateways: readonly string[];
  /** The port that clients mean: of the service, or of the server of a Gateway. */
  readonly port: number;
  /** TLS ends at this listener. */
  readonly tls?: boolean;
}

/** Whether a match entry selects this client and listener. Its `gateways` replace those of the whole VirtualService. */
export function selectsScope(
  match: Pick<HttpMatchRequest, 'port' | 'gateways' | 'sourceLabels' | 'sourceNamespace'> | undefined,
  virtualServiceGateways: readonly string[],
  namespace: string,
  scope: RouteScope,
): boolean {
  const gateways = filled(match?.gateways ?? [])?.map((gateway) => resolveGateway(gateway, namespace)) ?? virtualServiceGateways;
  if (!gateways.some((gateway) => scope.gateways.includes(gateway))) return false;
  return match === undefined || selectsCaller(match, scope);
}

/** At a gateway it is the gateway itself that labels and namespace select, as in Istio: its callers have no labels. */
function selectsCaller(match: Pick<HttpMatchRequest, 'port' | 'sourceLabels' | 'sourceNamespace'>, scope: RouteScope): boolean {
  const { port = scope.port, sourceNamespace = '', sourceLabels = {} } = match;
  return port === scope.port && (sourceNamespace === '' || sourceNamespace === scope.namespace) && labelsMatch(sourceLabels, scope.labels);
}

/** A destination of a route, resolved. */
export interface ResolvedDestination {
  readonly hostname: string;
  readonly port: number;
  readonly subset: string;
  readonly cluster: string;
  readonly service: Service | undefined;
}

/**
 * The cluster of a destination. Without a port it is the only port of the service, else the listener's. A host or subset that does not exist still
 * gives a name: the proxy then answers 503 NC, which tells more than a missing route.
 */
export function resolveDestination(
  destination: { readonly host: string; readonly subset?: string; readonly port?: { readonly number: number } },
  namespace: string,
  scope: RouteScope,
): ResolvedDestination {
  const named = resolveHost(destination.host, namespace, scope.push.mesh.domainSuffix);
  const service = scope.services.get(named);
  const hostname = service?.hostname ?? named;
  const only = service?.ports.length === 1 ? service.ports[0]?.number : undefined;
  const port = destination.port?.number ?? only ?? scope.port;
  const subset = destination.subset ?? '';
  return { hostname, port, subset, cluster: outboundCluster(port, subset, hostname), service };
}

/** The policy in force for a destination. */
export function policyOf(destination: ResolvedDestination, scope: RouteScope): EffectivePolicy {
  if (destination.service === undefined) return {};
  return effectivePolicy(ruleOf(destination.service, scope), destination.subset, destination.port, scope.push.mesh);
}

/** The client's rule for a service. */
export function ruleOf(service: Service, scope: RouteScope): MergedDestinationRule | undefined {
  return scope.ruleFor === undefined ? destinationRuleFor(scope.push, scope, service) : scope.ruleFor(service);
}
