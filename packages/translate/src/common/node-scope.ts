import type { Config, Sidecar } from '@meltemi/api';
import { sidecarFor, type DestinationRuleTable, type Labels, type ProxyNode, type PushContext, type VirtualServiceTable } from '@meltemi/model';
import { balancers } from '../clusters/zones.ts';
import type { InputsCache } from './inputs-cache.ts';

/**
 * The part of a node that outbound resources depend on. Nodes with an equal scope share one object, and with it everything that is made for them:
 * all redirected sidecars of a namespace, unless some VirtualService looks at its callers' labels.
 */
export interface NodeScope {
  readonly type: ProxyNode['type'];
  readonly namespace: string;
  /** Empty unless configuration distinguishes callers by label. */
  readonly labels: Labels;
  readonly dataPlane: ProxyNode['dataPlane'];
  readonly convertsB3: boolean;
  readonly interception: ProxyNode['interception'];
  /** W in ports mode, where connections must leave from it and virtual addresses are the node's own; else empty. */
  readonly address: string;
  /** `region/zone/subzone`. */
  readonly locality: string;
  /** The machine, where some service is for callers of the same one; else empty. `?` is one that nobody knows. */
  readonly nodeName: string;
  /** The Sidecar that says what nodes of this scope know; undefined: everything that is visible in the namespace. */
  readonly sidecar: Config<Sidecar> | undefined;
}

/** Scopes by content, so that equal ones are one object. */
export interface NodeScopes {
  of(node: ProxyNode, push: PushContext): NodeScope;
}

/** Looked at once per table, not once per node and type. */
const lookedAt = new WeakMap<object, boolean>();

function once<T extends object>(table: T, look: (table: T) => boolean): boolean {
  let known = lookedAt.get(table);
  if (known === undefined) lookedAt.set(table, (known = look(table)));
  return known;
}

/** Whether anything selects clients by their labels. */
function labelsMatter(push: PushContext): boolean {
  return (
    once(push.destinationRules, selectsClients) ||
    once(push.virtualServices, matchesClients) ||
    push.mesh.localityLbSetting?.failoverPriority !== undefined ||
    push.mesh.zoneAwareLbSetting?.failoverPriority !== undefined ||
    once(push.services, ({ all }) => all.some((service) => service.trafficDistribution !== undefined))
  );
}

const local = new WeakMap<object, boolean>();

/** Whether any service is for callers of the same machine only. */
function nodesMatter({ services }: PushContext): boolean {
  let known = local.get(services);
  if (known === undefined)
    local.set(services, (known = services.all.some((service) => service.nodeLocal === true || service.trafficDistribution === 'node')));
  return known;
}

function selectsClients(table: DestinationRuleTable): boolean {
  const rules = [...table.byNamespace.values()].flatMap((hosts) => [...hosts.values()].flat());
  return (
    rules.some((rule) => Object.keys(rule.workloadSelector).length > 0) ||
    balancers(table).some((lb) => (lb?.localityLbSetting ?? lb?.zoneAwareLbSetting)?.failoverPriority !== undefined)
  );
}

function matchesClients({ all }: VirtualServiceTable): boolean {
  return all.some(({ http, config: { spec } }) =>
    [...http.map(({ route }) => route), ...(spec.tcp ?? []), ...(spec.tls ?? [])].some((route) =>
      (route.match ?? []).some((match) => match.sourceLabels !== undefined),
    ),
  );
}

/** Scopes are remembered as all that is made is: one that nobody uses any more is forgotten, however many clients come and go. */
export function createNodeScopes(cache: InputsCache): NodeScopes {
  return {
    of(node, push) {
      const { region, zone, subZone } = node.locality;
      const inputs = {
        type: node.type,
        namespace: node.namespace,
        labels: labelsMatter(push) ? Object.entries(node.labels).sort(([a], [b]) => (a < b ? -1 : 1)) : [],
        dataPlane: node.dataPlane,
        convertsB3: node.convertsB3,
        interception: node.interception,
        address: node.interception === 'NONE' ? node.address : '',
        locality: region === '' ? '' : `${region}/${zone}/${subZone}`,
        nodeName: nodesMatter(push) ? node.nodeName || '?' : '',
        sidecar: sidecarFor(push, node),
      };
      return cache.get('nodeScope', inputs, ({ labels, ...rest }): NodeScope => ({ ...rest, labels: Object.fromEntries(labels) }));
    },
  };
}
