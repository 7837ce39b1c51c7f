import { compareByAge, type Config, type TcpRoute, type VirtualService } from '@meltemi/api';
import type { Attachment, RouteFacts } from './attach.ts';
import type { Fault } from './conditions.ts';
import { derivedName, PRODUCER_NAMESPACE } from './derived.ts';
import { gatewayKey } from './gateways.ts';
import type { GatewayApiObjects } from './inputs.ts';
import { ownerName } from './listeners.ts';
import { shell, type MeshAttachment } from './state.ts';
import { firstFault, referrer, resolveBackend, type BackendReference } from './references.ts';

type Destinations = NonNullable<TcpRoute['route']>;

/** Where the connections of a TCPRoute or TLSRoute go. A backend that is missing keeps its share, and closes what it gets. */
export function l4Rules(
  objects: GatewayApiObjects,
  config: Config,
  rules: readonly { readonly backendRefs: readonly (BackendReference & { readonly weight: number })[] }[],
): { readonly routes: Destinations; readonly fault: Fault | undefined } {
  const all = rules.flatMap((rule) => rule.backendRefs).map((ref) => ({ ref, resolved: resolveBackend(objects, ref, referrer(config)) }));
  const open = all.filter(({ ref }) => ref.weight > 0);
  return {
    routes: open.map(({ ref, resolved }) => ({ destination: resolved.destination, weight: ref.weight })),
    fault: firstFault(all.map(({ resolved }) => resolved)),
  };
}

/** VirtualServices of a TCPRoute or TLSRoute. */
export function l4VirtualServices(
  facts: RouteFacts,
  attachments: readonly Attachment[],
  mesh: readonly MeshAttachment[],
  route: Destinations,
): readonly Config<VirtualService>[] {
  if (route.length === 0) return [];
  const { config } = facts;
  const atGateways = attachments
    .filter(({ hosts }) => hosts.length > 0)
    .map(({ listener, hosts }): Config<VirtualService> => {
      const passes = listener.listener.protocol === 'TLS' && listener.listener.tls?.mode === 'Passthrough';
      const rules = passes ? { tls: [{ match: [{ sniHosts: hosts }], route }] } : { tcp: [{ match: [{ port: listener.listener.port }], route }] };
      return {
        ...shell(
          'VirtualService',
          config,
          derivedName(facts.kind, config.meta.name, listener.owner.meta.namespace, ownerName(listener), listener.listener.name),
        ),
        spec: { hosts, gateways: [gatewayKey(listener)], ...rules, exportTo: ['*'] },
      };
    });
  const inside = mesh.map(({ host, port, namespace }): Config<VirtualService> => {
    const match = port === undefined ? {} : { port };
    const names = facts.hostnames.length === 0 ? [host] : facts.hostnames;
    const rules = facts.kind === 'TLSRoute' ? { tls: [{ match: [{ ...match, sniHosts: names }], route }] } : { tcp: [{ match: [match], route }] };
    const made = shell('VirtualService', config, derivedName(facts.kind, config.meta.name, host));
    const producer = namespace === config.meta.namespace;
    return {
      ...made,
      meta: { ...made.meta, annotations: producer ? { [PRODUCER_NAMESPACE]: namespace } : {} },
      spec: {
        // The names are what clients ask the Service for; services that are called so are not the route's.
        hosts: [host],
        gateways: ['mesh'],
        ...rules,
        exportTo: [producer ? '*' : '.'],
      },
    };
  });
  return [...atGateways, ...inside];
}

/** Routes of one Service for the same callers as one object, the oldest route first: of several objects only one would rule. */
export function joinMeshRules(derived: readonly Config<VirtualService>[]): readonly Config<VirtualService>[] {
  const keyOf = ({ meta, spec }: Config<VirtualService>): string =>
    spec.gateways.includes('mesh') ? `${meta.namespace} ${spec.exportTo?.join() ?? ''} ${spec.hosts.join()}` : `${meta.namespace}/${meta.name}`;
  return [...Map.groupBy(derived.toSorted(compareByAge), keyOf).values()].flatMap(([first, ...others]) => {
    if (first === undefined) return [];
    if (others.length === 0) return [first];
    const all = [first, ...others];
    const tls = all.flatMap(({ spec }) => spec.tls ?? []);
    const tcp = all.flatMap(({ spec }) => spec.tcp ?? []);
    return [{ ...first, spec: { ...first.spec, ...(tls.length === 0 ? {} : { tls }), ...(tcp.length === 0 ? {} : { tcp }) } }];
  });
}
