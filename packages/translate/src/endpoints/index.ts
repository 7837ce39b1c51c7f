import { destinationRuleFor, serviceKey, visibleServices, type EndpointIndex, type PushContext } from '@meltemi/model';
import { effectivePolicy } from '../clusters/traffic-policy.ts';
import type { InputsCache } from '../common/inputs-cache.ts';
import { parseOutboundCluster } from '../common/names.ts';
import type { NodeScope } from '../common/node-scope.ts';
import { endpointList, loadAssignment, type AssignmentInputs } from './assignment.ts';

const NO_LABELS = {};

/** What the load assignment of a cluster name depends on, for a node; undefined: there is no such EDS cluster. */
export function assignmentInputs(name: string, push: PushContext, endpoints: EndpointIndex, scope: NodeScope): AssignmentInputs | undefined {
  const parsed = parseOutboundCluster(name);
  if (parsed === undefined) return undefined;
  const service = visibleServices(push, scope.namespace).byHost.get(parsed.hostname);
  if (service === undefined || service.resolution !== 'static' || !service.ports.some((port) => port.number === parsed.port)) return undefined;
  const rule = destinationRuleFor(push, scope, service);
  const subset = rule?.subsets.find((entry) => entry.subset.name === parsed.subset)?.subset;
  if (parsed.subset !== '' && subset === undefined) return undefined;
  const policy = effectivePolicy(rule, parsed.subset, parsed.port);
  const setting = policy.loadBalancer?.localityLbSetting;
  // Without ejection nobody would notice that the near endpoints are bad.
  const prefersNear = policy.outlierDetection !== undefined && (setting?.enabled ?? push.mesh.localityLbEnabled);
  return {
    name,
    endpoints: endpointList(endpoints.endpoints(serviceKey(service), parsed.port)),
    subset: subset?.labels ?? NO_LABELS,
    policies: push.peerAuthentications,
    callerLocality: prefersNear ? scope.locality : '',
    localityLb: setting,
    onlyHealthy: policy.outlierDetection?.minHealthPercent !== undefined,
  };
}

/** The EDS resource of a cluster name. */
export function endpointResource(name: string, push: PushContext, endpoints: EndpointIndex, scope: NodeScope, cache: InputsCache) {
  const inputs = assignmentInputs(name, push, endpoints, scope);
  return inputs === undefined ? undefined : cache.get('loadAssignment', inputs, loadAssignment);
}
