import { KINDS, type KindDefinition } from '@meltemi/api';
import { json, type Route } from '@meltemi/http';

const VERBS = ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch'];

/** Kubernetes' discovery: `/api`, `/api/v1`, `/apis`, `/apis/<group>`, `/apis/<group>/<version>`, `/version`. */
export function discoveryRoutes(version: string): readonly Route[] {
  const groups = groupKinds();
  const routes: Route[] = [
    get('/version', { major: '1', minor: '30', gitVersion: `v1.30.0-meltemi.${version}`, platform: `${process.platform}/${process.arch}` }),
    get('/api', { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [] }),
    get('/apis', {
      kind: 'APIGroupList',
      apiVersion: 'v1',
      groups: [...groups.keys()].filter((group) => group !== '').map((group) => groupObject(group, groups)),
    }),
  ];
  for (const [group, kinds] of groups) {
    if (group !== '') routes.push(get(`/apis/${group}`, { kind: 'APIGroup', apiVersion: 'v1', ...groupObject(group, groups) }));
    for (const served of versionsOf(kinds)) {
      const resources = kinds.filter((kind) => kind.id.versions.includes(served)).map(resourceObject);
      routes.push(
        get(groupPath(group, served), {
          kind: 'APIResourceList',
          apiVersion: 'v1',
          groupVersion: group === '' ? served : `${group}/${served}`,
          resources,
        }),
      );
    }
  }
  return routes;
}

/** `/apis/networking.istio.io/v1`, or `/api/v1` for the core group. */
export function groupPath(group: string, version: string): string {
  return group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
}

function get(path: string, value: unknown): Route {
  return { method: 'GET', path, handler: () => json(200, value) };
}

function groupKinds(): Map<string, KindDefinition[]> {
  const groups = new Map<string, KindDefinition[]>();
  for (const kind of KINDS) groups.set(kind.id.group, [...(groups.get(kind.id.group) ?? []), kind]);
  return groups;
}

function versionsOf(kinds: readonly KindDefinition[]): readonly string[] {
  return [...new Set(kinds.flatMap((kind) => kind.id.versions))];
}

function groupObject(group: string, groups: ReadonlyMap<string, readonly KindDefinition[]>): object {
  const versions = versionsOf(groups.get(group) ?? []).map((version) => ({ groupVersion: `${group}/${version}`, version }));
  return { name: group, versions, preferredVersion: versions[0] };
}

function resourceObject(kind: KindDefinition): unknown {
  return {
    name: kind.plural,
    singularName: kind.singular,
    namespaced: kind.scope === 'Namespaced',
    kind: kind.id.kind,
    verbs: VERBS,
    shortNames: kind.shortNames,
  };
}
