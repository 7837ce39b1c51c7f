import type { Config, Json } from '@meltemi/api';
import { labelsMatch } from '../labels.ts';
import type { Workload } from '../types/service.ts';
import { condition, conditionsJson, CONTROLLER_NAME, OWN_CONTROLLERS, type Condition, type Fault } from './conditions.ts';
import type { GatewayApiState, ParentState, RouteState } from './state.ts';
import { servingWorkloads, unservedBecause } from './gateways.ts';
import { isOwnClass, isParent, listenerSetFault, type JudgedListener } from './listeners.ts';

/** What the control plane says of an object of the Gateway API; undefined: the object is not ours to speak of. */
export function gatewayApiStatus(state: GatewayApiState, config: Config, workloads: readonly Workload[]): Json | undefined {
  switch (config.kind) {
    case 'GatewayClass': {
      const known = state.objects.classes.get(config.meta.name);
      if (known === undefined || !OWN_CONTROLLERS.includes(known.spec.controllerName)) return undefined;
      return { conditions: conditionsJson([condition('Accepted', 'Accepted', undefined)], config) };
    }
    case 'KubernetesGateway':
      return gatewayStatus(state, config, workloads);
    case 'ListenerSet':
      return listenerSetStatus(state, config);
    case 'BackendTLSPolicy':
      return policyStatus(state, config);
    case 'HTTPRoute':
    case 'GRPCRoute':
    case 'TLSRoute':
    case 'TCPRoute':
      return routeStatus(state, config);
    default:
      return undefined;
  }
}

function gatewayStatus(state: GatewayApiState, config: Config, workloads: readonly Workload[]): Json | undefined {
  const gateway = state.objects.gateways.find((item) => item === config || same(item, config));
  if (gateway === undefined || !isOwnClass(state.objects, gateway.spec.gatewayClassName)) return undefined;
  const listeners = state.listeners.filter((item) => item.gateway === gateway);
  const own = listeners.filter((item) => item.owner === gateway);
  const serving = servingWorkloads(state.objects, gateway);
  const found =
    serving === undefined ? [] : workloads.filter(({ namespace, labels }) => namespace === serving.namespace && labelsMatch(serving.labels, labels));
  const accepted = own.some((item) => item.rejected === undefined)
    ? undefined
    : { reason: 'ListenersNotValid', message: 'no listener can be served: see the conditions of the listeners' };
  const labels = Object.entries(serving?.labels ?? {}).map(([key, value]) => `${key}=${value}`);
  const unserved =
    found.length > 0
      ? undefined
      : {
          reason: 'AddressNotAssigned',
          message:
            serving === undefined
              ? unservedBecause(state.objects, gateway)
              : `no gateway serves it; start one with: meltemi proxy router -n ${serving.namespace} --labels ${labels.join(',')}`,
        };
  return {
    addresses: found.map(({ address }) => ({ type: 'IPAddress', value: address })),
    conditions: conditionsJson(
      [
        condition('Accepted', 'Accepted', accepted),
        condition('Programmed', 'Programmed', accepted === undefined ? unserved : { ...accepted, reason: 'Invalid' }),
      ],
      config,
    ),
    listeners: own.map((item) => listenerStatus(state, item, config)),
    attachedListenerSets: new Set(listeners.filter((item) => item.owner !== gateway).map((item) => item.owner)).size,
  };
}

function same(a: Config, b: Config): boolean {
  return a.meta.name === b.meta.name && a.meta.namespace === b.meta.namespace;
}

function listenerStatus(state: GatewayApiState, item: JudgedListener, config: Config): Json {
  const attached = state.routes.filter(({ parents }) =>
    parents.some(({ result }) => result.t === 'attached' && result.attachments.some(({ listener }) => listener === item)),
  );
  const conflicted: Condition = {
    type: 'Conflicted',
    status: item.conflict !== undefined,
    reason: item.conflict?.reason ?? 'NoConflicts',
    message: item.conflict?.message ?? '',
  };
  const invalid: Fault | undefined = item.rejected ?? item.unresolved;
  return {
    name: item.listener.name,
    supportedKinds: item.kinds.map(({ group, kind }) => ({ group, kind })),
    attachedRoutes: attached.length,
    conditions: conditionsJson(
      [
        condition('Accepted', 'Accepted', item.rejected),
        condition('Programmed', 'Programmed', invalid === undefined ? undefined : { reason: 'Invalid', message: invalid.message }),
        condition('ResolvedRefs', 'ResolvedRefs', item.unresolved),
        conflicted,
      ],
      config,
    ),
  };
}

function listenerSetStatus(state: GatewayApiState, config: Config): Json | undefined {
  const set = state.objects.listenerSets.find((item) => same(item, config));
  const gateway = set === undefined ? undefined : state.objects.gateways.find((item) => isParent(set, item));
  if (set === undefined) return undefined;
  const fault: Fault | undefined =
    gateway === undefined
      ? {
          reason: 'ParentNotFound',
          message: `Gateway ${set.spec.parentRef.namespace ?? set.meta.namespace}/${set.spec.parentRef.name} does not exist`,
        }
      : listenerSetFault(state.objects, set, gateway);
  const own = state.listeners.filter((item) => item.owner === set);
  return {
    conditions: conditionsJson([condition('Accepted', 'Accepted', fault), condition('Programmed', 'Programmed', fault)], config),
    listeners: own.map((item) => listenerStatus(state, item, config)),
  };
}

function routeStatus(state: GatewayApiState, config: Config): Json | undefined {
  const route = state.routes.find((item) => item.config === config || (item.config.kind === config.kind && same(item.config, config)));
  if (route === undefined) return undefined;
  return { parents: route.parents.filter(({ result }) => result.t !== 'foreign').map((parent) => parentStatus(route, parent)) };
}

function parentStatus(route: RouteState, { ref, result }: ParentState): Json {
  const refused = result.t === 'refused' ? result.fault : undefined;
  return {
    parentRef: { ...ref },
    controllerName: CONTROLLER_NAME,
    conditions: conditionsJson([condition('Accepted', 'Accepted', refused), condition('ResolvedRefs', 'ResolvedRefs', route.fault)], route.config),
  };
}

function policyStatus(state: GatewayApiState, config: Config): Json | undefined {
  const policy = state.policies.find((item) => same(item.config, config));
  if (policy === undefined) return undefined;
  const accepted =
    policy.refused ?? (policy.unresolved === undefined ? undefined : { reason: 'NoValidCACertificate', message: policy.unresolved.message });
  return {
    ancestors: policy.config.spec.targetRefs.map((target) => ({
      ancestorRef: { ...target, namespace: config.meta.namespace },
      controllerName: CONTROLLER_NAME,
      conditions: conditionsJson([condition('Accepted', 'Accepted', accepted), condition('ResolvedRefs', 'ResolvedRefs', policy.unresolved)], config),
    })),
  };
}
