import { type Labels, type ProxyNode, type PushContext, type VirtualServiceTable } from '@meltemi/model';

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
}

/** Scopes by content, so that equal ones are one object. */
export interface NodeScopes {
  of(node: ProxyNode, push: PushContext): NodeScope;
}

const lookedAt = new WeakMap<VirtualServiceTable, boolean>();

/** Whether anything selects clients by their labels. */
function labelsMatter(push: PushContext): boolean {
  const byRules = [...push.destinationRules.byNamespace.values()].some((hosts) =>
    [...hosts.values()].some((rules) => rules.some((rule) => Object.keys(rule.workloadSelector).length > 0)),
  );
  if (byRules) return true;
  let byRoutes = lookedAt.get(push.virtualServices);
  if (byRoutes === undefined) {
    byRoutes = push.virtualServices.all.some(({ config: { spec } }) =>
      [...(spec.http ?? []), ...(spec.tcp ?? []), ...(spec.tls ?? [])].some((route) =>
        (route.match ?? []).some((match) => match.sourceLabels !== undefined),
      ),
    );
    lookedAt.set(push.virtualServices, byRoutes);
  }
  return byRoutes;
}

/** A table of scopes. It grows with the number of different ones, which is small in REDIRECT mode and one per workload in ports mode. */
export function createNodeScopes(): NodeScopes {
  const scopes = new Map<string, NodeScope>();
  return {
    of(node, push) {
      const sorted = labelsMatter(push) ? Object.fromEntries(Object.entries(node.labels).sort(([a], [b]) => (a < b ? -1 : 1))) : {};
      const { region, zone, subZone } = node.locality;
      const scope: NodeScope = {
        type: node.type,
        namespace: node.namespace,
        labels: sorted,
        dataPlane: node.dataPlane,
        convertsB3: node.convertsB3,
        interception: node.interception,
        address: node.interception === 'NONE' ? node.address : '',
        locality: region === '' ? '' : `${region}/${zone}/${subZone}`,
      };
      const key = JSON.stringify(scope);
      const known = scopes.get(key);
      if (known !== undefined) return known;
      scopes.set(key, scope);
      return scope;
    },
  };
}
