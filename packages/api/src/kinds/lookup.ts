import { apiVersionOf, type KindDefinition } from '../kind.ts';
import { KINDS } from './index.ts';

const byGroupKind = new Map(KINDS.map((kind) => [`${kind.id.group}/${kind.id.kind}`, kind]));

/** The definition behind `Config.kind`. */
export function kindByName(tag: string): KindDefinition | undefined {
  return KINDS.find((kind) => kind.tag === tag);
}

/** The definition for `apiVersion` and `kind` of an object, when that version is served. */
export function kindOf(apiVersion: string, kind: string): KindDefinition | undefined {
  const { group, version } = splitApiVersion(apiVersion);
  const found = byGroupKind.get(`${group}/${kind}`);
  return found?.id.versions.includes(version) === true ? found : undefined;
}

/** The definition in a group, whatever the version. */
export function kindInGroup(group: string, kind: string): KindDefinition | undefined {
  return byGroupKind.get(`${group}/${kind}`);
}

/** The definition behind a REST path: group, version and plural. */
export function kindByResource(group: string, version: string, plural: string): KindDefinition | undefined {
  return KINDS.find((kind) => kind.id.group === group && kind.plural === plural && kind.id.versions.includes(version));
}

/**
 * The definition for what a user types: kind, plural, singular or short name in any case, also with group (`virtualservices`, `vs`,
 * `VirtualService`, `gateways.networking.istio.io`, `virtualservice.networking.istio.io`).
 */
export function kindByAnyName(name: string): KindDefinition | undefined {
  const wanted = name.toLowerCase();
  return KINDS.find((kind) => {
    const names = [kind.tag.toLowerCase(), kind.id.kind.toLowerCase(), kind.plural, kind.singular, ...kind.shortNames];
    return (
      names.includes(wanted) ||
      [kind.plural, kind.singular, ...kind.shortNames].some((known) => `${known}.${kind.id.group}` === wanted) ||
      `${kind.plural}.${apiVersionOf(kind.id).split('/').reverse().join('.')}` === wanted
    );
  });
}

/** `networking.istio.io/v1` → group and version; the core group is `''`. */
export function splitApiVersion(apiVersion: string): { readonly group: string; readonly version: string } {
  const slash = apiVersion.indexOf('/');
  return slash < 0 ? { group: '', version: apiVersion } : { group: apiVersion.slice(0, slash), version: apiVersion.slice(slash + 1) };
}
