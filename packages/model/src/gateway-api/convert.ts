import type { Config, VirtualService } from '@meltemi/api';
import { backendTls } from './backend-tls.ts';
import { attach, isolated, type Attachment, type ParentRef, type RouteFacts } from './attach.ts';
import { derivedName, type DerivedHttpRoute, type DerivedRule } from './derived.ts';
import { derivedGateways, gatewayKey } from './gateways.ts';
import { grpcRules, httpRules, type ConvertedRules } from './http-rules.ts';
import { GATEWAY_API_KINDS, gatewayApiObjects, REFERRED_KINDS, type GatewayApiObjects } from './inputs.ts';
import { judgeListeners, ownerName, type JudgedListener } from './listeners.ts';
import { joinMeshRules, l4Rules, l4VirtualServices } from './l4.ts';
import { meshVirtualServicesOf, resolveMeshParent } from './mesh.ts';
import { compareRules, type RankedRule } from './precedence.ts';
import { shell, type GatewayApiState, type HttpRouteState, type ParentState, type RouteState } from './state.ts';

/**
 * Brings the objects of the Gateway API into the form that the mesh is made of. Pure. `previous` is the state before: what is derived anew and equal to
 * what was is the same object, so that nothing is made again for it.
 */
export function convertGatewayApi(configs: readonly Config[], domainSuffix: string, previous?: GatewayApiState): GatewayApiState {
  const objects = gatewayApiObjects(configs, domainSuffix);
  const listeners = judgeListeners(objects);
  const routes = [
    ...objects.httpRoutes.map((config) =>
      httpState(objects, listeners, { config, kind: 'HTTPRoute', hostnames: config.spec.hostnames ?? [] }, config.spec.parentRefs, (atGateway) =>
        httpRules(objects, config, { atGateway }),
      ),
    ),
    ...objects.grpcRoutes.map((config) =>
      httpState(objects, listeners, { config, kind: 'GRPCRoute', hostnames: config.spec.hostnames ?? [] }, config.spec.parentRefs, (atGateway) =>
        grpcRules(objects, config, { atGateway }),
      ),
    ),
  ];
  const l4 = [
    ...objects.tlsRoutes.map((config) =>
      l4State(objects, listeners, { config, kind: 'TLSRoute', hostnames: config.spec.hostnames ?? [] }, config.spec.parentRefs, config.spec.rules),
    ),
    ...objects.tcpRoutes.map((config) =>
      l4State(objects, listeners, { config, kind: 'TCPRoute', hostnames: [] }, config.spec.parentRefs, config.spec.rules),
    ),
  ];
  const policies = backendTls(objects);
  const derived = [
    ...derivedGateways(
      objects,
      listeners,
      l4.flatMap((state) => state.terminated),
    ),
    ...gatewayVirtualServices(listeners, routes),
    ...joinMeshRules(l4.flatMap((state) => state.derived)),
    ...meshVirtualServicesOf(routes),
    ...policies.flatMap((policy) => policy.derived),
  ];
  const states = [...routes, ...l4].map(({ config, parents, fault }) => ({ config, parents, fault }));
  return { objects, listeners, routes: states, policies, derived: keepEqual(derived, previous?.derived ?? []) };
}

/** Whether a change of these objects can change the result. */
export function touchesGatewayApi(configs: readonly Config[], changed: readonly Config[]): boolean {
  if (changed.some(({ kind }) => GATEWAY_API_KINDS.has(kind))) return true;
  return changed.some(({ kind }) => REFERRED_KINDS.has(kind)) && configs.some(({ kind }) => GATEWAY_API_KINDS.has(kind));
}

function httpState(
  ...[objects, listeners, facts, refs, convert]: [
    GatewayApiObjects,
    readonly JudgedListener[],
    RouteFacts,
    readonly ParentRef[] | undefined,
    (atGateway: boolean) => ConvertedRules,
  ]
): HttpRouteState {
  const parents = parentStates(objects, listeners, facts, refs);
  const atGateway = convert(true);
  return { config: facts.config, parents, fault: atGateway.fault, gatewayRules: atGateway.rules, meshRules: convert(false).rules };
}

function parentStates(
  objects: GatewayApiObjects,
  listeners: readonly JudgedListener[],
  facts: RouteFacts,
  refs: readonly ParentRef[] | undefined,
): readonly ParentState[] {
  return (refs ?? []).map((ref): ParentState => {
    const attachment = resolveMeshParent(objects, facts.config, ref);
    if (attachment === undefined) return { ref, result: attach(objects, listeners, facts, ref) };
    return { ref, result: 'reason' in attachment ? { t: 'refused', fault: attachment } : { t: 'mesh', attachment } };
  });
}

/** Attachments of a route to gateways. */
function attachmentsOf({ parents }: { readonly parents: readonly ParentState[] }): readonly Attachment[] {
  return parents.flatMap(({ result }) => (result.t === 'attached' ? result.attachments : []));
}

/** One VirtualService for each listener and host, with the rules of all routes there in the order of the Gateway API. */
function gatewayVirtualServices(listeners: readonly JudgedListener[], routes: readonly HttpRouteState[]): readonly Config<VirtualService>[] {
  const rules = new Map<JudgedListener, Map<string, Set<RankedRule>>>();
  for (const route of routes) {
    for (const attachment of attachmentsOf(route)) {
      const hosts = rules.get(attachment.listener) ?? new Map<string, Set<RankedRule>>();
      rules.set(attachment.listener, hosts);
      for (const host of isolated(attachment, listeners)) {
        const list = hosts.get(host) ?? new Set<RankedRule>();
        hosts.set(host, list);
        for (const rule of route.gatewayRules) list.add(rule);
      }
    }
  }
  return listeners
    .filter(({ rejected, listener }) => rejected === undefined && (listener.protocol === 'HTTP' || listener.protocol === 'HTTPS'))
    .flatMap((listener) => {
      const hosts = rules.get(listener) ?? new Map<string, Set<RankedRule>>();
      const own = listener.listener.hostname;
      // A host of its own keeps its requests from the listeners for wider ones.
      const all = own === undefined || hosts.has(own) ? [...hosts] : [...hosts, [own, new Set<RankedRule>()] as const];
      return all.map(([host, list]) =>
        virtualService(
          listener,
          host,
          [...list].toSorted(compareRules).map(({ http }) => http),
        ),
      );
    });
}

function virtualService(listener: JudgedListener, host: string, http: readonly DerivedHttpRoute[]): Config<VirtualService> {
  const { gateway, owner } = listener;
  const origin: DerivedRule = { source: owner, path: `spec.listeners`, wholeSegments: true, missingStatus: 500 };
  const nothing: DerivedHttpRoute = { directResponse: { status: 404 }, derived: origin };
  return {
    ...shell('VirtualService', owner, derivedName(owner.meta.name, listener.listener.name, host)),
    meta: { ...shell('VirtualService', owner, derivedName(gateway.meta.name, ownerName(listener), listener.listener.name, host)).meta },
    spec: { hosts: [host], gateways: [gatewayKey(listener)], http: http.length === 0 ? [nothing] : http, exportTo: ['*'] },
  };
}

interface L4State extends RouteState {
  readonly derived: readonly Config<VirtualService>[];
  /** Hosts for which TLS ends at a listener, by route. */
  readonly terminated: readonly Attachment[];
}

function l4State(
  ...[objects, listeners, facts, refs, rules]: [
    GatewayApiObjects,
    readonly JudgedListener[],
    RouteFacts,
    readonly ParentRef[] | undefined,
    Parameters<typeof l4Rules>[2],
  ]
): L4State {
  const parents = parentStates(objects, listeners, facts, refs);
  const { routes, fault } = l4Rules(objects, facts.config, rules);
  const attachments = attachmentsOf({ parents }).map((item) => ({ ...item, hosts: isolated(item, listeners) }));
  const mesh = parents.flatMap(({ result }) => (result.t === 'mesh' ? [result.attachment] : []));
  return {
    config: facts.config,
    parents,
    fault,
    derived: l4VirtualServices(facts, attachments, mesh, routes),
    terminated: attachments.filter(({ listener: { listener } }) => listener.protocol === 'TLS' && listener.tls?.mode !== 'Passthrough'),
  };
}

function keepEqual(now: readonly Config[], before: readonly Config[]): readonly Config[] {
  const known = new Map(before.map((config) => [`${config.kind}/${config.meta.namespace}/${config.meta.name}`, config]));
  const kept = now.map((config) => {
    const old = known.get(`${config.kind}/${config.meta.namespace}/${config.meta.name}`);
    return old !== undefined && JSON.stringify(old) === JSON.stringify(config) ? old : config;
  });
  return kept.length === before.length && kept.every((config, index) => config === before[index]) ? before : kept;
}
