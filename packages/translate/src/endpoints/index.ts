import {
  collectorServices,
  destinationRuleFor,
  serviceKey,
  servicesSelecting,
  sidecarScope,
  type Endpoint,
  type ProxyNode,
  type PushContext,
  type Service,
} from '@meltemi/model';
import type { ClusterLoadAssignment } from '@meltemi/protos-types';
import { effectivePolicy } from '../clusters/traffic-policy.ts';
import { zonesInUse } from '../clusters/zones.ts';
import type { InputsCache } from '../common/inputs-cache.ts';
import { parseOutboundCluster } from '../common/names.ts';
import type { NodeScope } from '../common/node-scope.ts';
import type { MeshState } from '../types.ts';
import { endpointList, loadAssignment, localAssignment, type AssignmentInputs } from './assignment.ts';
import { localityPlan } from './locality-plan.ts';
import type { LocalityPlan } from './locality.ts';

const NO_LABELS = {};

/** What the load assignment of a cluster name depends on, for a node; undefined: there is no such EDS cluster. */
function assignmentInputs(name: string, state: MeshState, scope: NodeScope): AssignmentInputs | undefined {
  const { push, endpoints } = state;
  const found = edsService(name, state, scope);
  if (found === undefined) return undefined;
  const { service, port } = found;
  const rule = destinationRuleFor(push, scope, service);
  const subset = rule?.subsets.find((entry) => entry.subset.name === found.subset)?.subset;
  if (found.subset !== '' && subset === undefined) return undefined;
  const policy = effectivePolicy(rule, found.subset, port, push.mesh);
  return {
    name,
    endpoints: endpointList(endpoints.endpoints(serviceKey(service), port)),
    subset: subset?.labels ?? NO_LABELS,
    policies: push.peerAuthentications,
    ...planInputs(localityPlan(policy, service, push.mesh, scope), scope),
    onNode: service.nodeLocal === true ? scope.nodeName : '',
    onlyHealthy: (policy.outlierDetection?.minHealthPercent ?? 0) > 0,
  };
}

function planInputs(
  plan: LocalityPlan | undefined,
  { locality }: NodeScope,
): Pick<AssignmentInputs, 'setting' | 'failover' | 'regionsOnly' | 'callerLocality' | 'callerValues'> {
  if (plan === undefined) return { setting: undefined, failover: false, regionsOnly: false, callerLocality: '', callerValues: [] };
  const { setting, failover, regionsOnly, caller } = plan;
  // Callers of other places share what does not depend on the place.
  return { setting, failover, regionsOnly, callerLocality: heedsPlace(plan) ? locality : '', callerValues: caller.priorityValues };
}

/** Without shares to give and without ejection, localities are only told. */
function heedsPlace({ setting, failover }: LocalityPlan): boolean {
  return failover || setting.distribute !== undefined;
}

/** The service, port and subset of a cluster name, when its endpoints are the control plane's to send. */
function edsService(
  name: string,
  { push }: MeshState,
  scope: NodeScope,
): { readonly service: Service; readonly port: number; readonly subset: string } | undefined {
  const parsed = parseOutboundCluster(name);
  const service =
    parsed === undefined
      ? undefined
      : (sidecarScope(push, scope).services.byHost.get(parsed.hostname) ??
        collectorServices(push).find(({ hostname }) => hostname === parsed.hostname));
  if (parsed === undefined || service?.resolution !== 'static' || service.hostname !== parsed.hostname) return undefined;
  return service.ports.some((port) => port.number === parsed.port) ? { service, port: parsed.port, subset: parsed.subset } : undefined;
}

/** The service that counts as the node's own; undefined while no cluster is zone-aware. */
export function localService(node: ProxyNode, push: PushContext): Service | undefined {
  if (!zonesInUse(push.destinationRules, push.mesh)) return undefined;
  return servicesSelecting(push, node.namespace, node.labels).find(({ resolution }) => resolution === 'static');
}

/** The others of the node's own service, itself among them: by them a proxy knows how its zone's share compares. Empty while no cluster is zone-aware. */
export function localEndpoints(node: ProxyNode, { push, endpoints }: MeshState, cache: InputsCache): ClusterLoadAssignment {
  const service = localService(node, push);
  const port = service?.ports[0]?.number ?? 0;
  const list = service === undefined ? NOBODY : endpoints.endpoints(serviceKey(service), port);
  return cache.get('localEndpoints', { endpoints: endpointList(list) }, localAssignment);
}

const NOBODY: readonly Endpoint[] = [];

/** The EDS resource of a cluster name. */
export function endpointResource(
  name: string,
  { state, scope, cache }: { readonly state: MeshState; readonly scope: NodeScope; readonly cache: InputsCache },
) {
  const inputs = assignmentInputs(name, state, scope);
  return inputs === undefined ? undefined : cache.get('loadAssignment', inputs, loadAssignment);
}
