import { type Json, type KindDefinition, kindByAnyName, KINDS, nearest } from '@meltemi/api';
import { MeshError } from '@meltemi/base';
import type { ControlPlaneClient } from './control-plane-client.ts';

/** A Kubernetes object as the API answers it. */
export type KubeObject = { readonly [key: string]: Json };

/** The kind that a user means: `vs`, `virtualservice`, `VirtualServices`, … Anything else is an error with the nearest name. */
export function resolveKind(name: string): KindDefinition {
  const kind = kindByAnyName(name);
  if (kind !== undefined) return kind;
  const names = KINDS.map((known) => known.plural);
  const close = nearest(name.toLowerCase(), [...names, ...KINDS.flatMap((known) => [known.singular, ...known.shortNames])]);
  throw new MeshError(
    'cli/usage',
    `there is no kind "${name}"${close === undefined ? '.' : `; did you mean "${close}"?`}\n  Known: ${KINDS.map((known) => [known.plural, ...known.shortNames].join('|')).join(', ')}`,
  );
}

/** `/apis/networking.istio.io/v1/namespaces/bookinfo/virtualservices/reviews`, as far as given. */
export function resourcePath(kind: KindDefinition, namespace?: string, name?: string): string {
  const version = kind.id.versions[0] ?? 'v1';
  const root = kind.id.group === '' ? `/api/${version}` : `/apis/${kind.id.group}/${version}`;
  const scope = kind.scope === 'Cluster' || namespace === undefined ? '' : `/namespaces/${encodeURIComponent(namespace)}`;
  return `${root}${scope}/${kind.plural}${name === undefined ? '' : `/${encodeURIComponent(name)}`}`;
}

/** `virtualservice.networking.istio.io/reviews`, as kubectl names an object in its answers. */
export function displayName(kind: KindDefinition, name: string): string {
  return `${kind.singular}${kind.id.group === '' ? '' : `.${kind.id.group}`}/${name}`;
}

export async function listObjects(client: ControlPlaneClient, kind: KindDefinition, namespace?: string): Promise<readonly KubeObject[]> {
  const answer = await client.request<{ readonly items?: readonly KubeObject[] }>('GET', resourcePath(kind, namespace));
  // Lists carry kind and apiVersion once for all; an object printed alone needs them.
  const apiVersion = kind.id.group === '' ? (kind.id.versions[0] ?? 'v1') : `${kind.id.group}/${kind.id.versions[0] ?? 'v1'}`;
  return (answer.items ?? []).map((item) => ({ apiVersion, kind: kind.id.kind, ...item }));
}

/** A message for an object that is not there: names the namespaces where it is. */
export async function notFound(client: ControlPlaneClient, kind: KindDefinition, namespace: string, name: string): Promise<string> {
  const namesakes = (await listObjects(client, kind)).filter((object) => metaOf(object, 'name') === name);
  const places = namesakes.map((object) => metaOf(object, 'namespace')).filter((place) => place !== '');
  const where = kind.scope === 'Cluster' ? '' : ` in namespace ${namespace}`;
  return `${displayName(kind, name)} is not there${where}${places.length === 0 ? '' : `; it is in ${places.join(', ')} (-n ${places[0] ?? ''})`}`;
}

/** A text of an object's metadata; empty when it has none. */
export function metaOf(object: KubeObject, key: string): string {
  const meta = object['metadata'];
  const value = typeof meta === 'object' && meta !== null && !Array.isArray(meta) ? (meta as KubeObject)[key] : undefined;
  return typeof value === 'string' ? value : '';
}
