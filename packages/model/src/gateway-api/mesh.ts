import type { Config, VirtualService } from '@meltemi/api';
import type { ParentRef } from './attach.ts';
import type { Fault } from './conditions.ts';
import type { HttpRouteState, MeshAttachment } from './state.ts';
import { derivedName, PRODUCER_NAMESPACE, type DerivedHttpRoute } from './derived.ts';
import { namedService, type GatewayApiObjects } from './inputs.ts';
import { compareRules, type RankedRule } from './precedence.ts';

/** A parent that is a Service or ServiceEntry; undefined when the reference is to something else. */
export function resolveMeshParent(objects: GatewayApiObjects, config: Config, ref: ParentRef): MeshAttachment | Fault | undefined {
  const namespace = ref.namespace ?? config.meta.namespace;
  if (ref.kind !== 'Service' && ref.kind !== 'ServiceEntry') return undefined;
  const named = namedService(objects, { ...ref, namespace });
  if (named === 'unknown-kind') return undefined;
  const nothing = (message: string): Fault => ({ reason: 'NoMatchingParent', message: `${ref.kind} ${namespace}/${ref.name} ${message}` });
  if (named === undefined) return nothing('does not exist');
  if (ref.port === undefined && ref.sectionName === undefined) return { host: named.host, port: undefined, namespace };
  const port = named.ports?.find(({ number, name }) => (ref.port ?? number) === number && (ref.sectionName ?? name) === name)?.number;
  return port === undefined ? nothing(`has no port ${ref.sectionName ?? String(ref.port)}`) : { host: named.host, port, namespace };
}

/** One VirtualService for each host and namespace of callers. */
export function meshVirtualServicesOf(routes: readonly HttpRouteState[]): readonly Config<VirtualService>[] {
  const groups = new Map<
    string,
    {
      readonly host: string;
      readonly producer: boolean;
      readonly first: Config;
      readonly rules: { readonly rule: RankedRule; readonly port: number | undefined }[];
    }
  >();
  for (const route of routes) {
    for (const { result } of route.parents) {
      if (result.t !== 'mesh') continue;
      const { host, port, namespace } = result.attachment;
      const producer = namespace === route.config.meta.namespace;
      const key = `${String(producer)} ${route.config.meta.namespace}/${host}`;
      const group = groups.get(key) ?? { host, producer, first: route.config, rules: [] };
      groups.set(key, group);
      for (const rule of route.meshRules) group.rules.push({ rule, port });
    }
  }
  return [...groups.values()].map(({ host, producer, first, rules }) => ({
    kind: 'VirtualService',
    apiVersion: 'networking.istio.io/v1',
    meta: {
      name: derivedName(producer ? 'mesh' : 'own-calls', host),
      namespace: first.meta.namespace,
      labels: {},
      annotations: producer ? { [PRODUCER_NAMESPACE]: first.meta.namespace } : {},
      ...(first.meta.creationTimestamp === undefined ? {} : { creationTimestamp: first.meta.creationTimestamp }),
    },
    origin: first.origin,
    spec: {
      hosts: [host],
      gateways: ['mesh'],
      exportTo: [producer ? '*' : '.'],
      http: rules.toSorted((a, b) => compareRules(a.rule, b.rule)).map(({ rule, port }) => onPort(rule.http, port)),
    },
  }));
}

function onPort(http: DerivedHttpRoute, port: number | undefined): DerivedHttpRoute {
  return port === undefined ? http : { ...http, match: (http.match ?? [{}]).map((match) => ({ ...match, port })) };
}
