import { stringify } from 'yaml';
import type { Config, Json } from './config.ts';
import { kindByName } from './kinds/lookup.ts';

/** The object in Kubernetes' JSON shape: apiVersion, kind, metadata, spec, status. Empty labels and annotations are left out. */
export function toObject(config: Config): { readonly [key: string]: Json } {
  const { labels, annotations, namespace, name, ...server } = config.meta;
  const metadata = {
    name,
    ...(namespace === '' ? {} : { namespace }),
    ...(Object.keys(labels).length === 0 ? {} : { labels }),
    ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
    ...server,
  };
  const spec = config.spec as { readonly [key: string]: Json };
  const kind = kindByName(config.kind);
  const empty = kind?.specOptional === true && Object.keys(spec).length === 0;
  const body = kind?.body === 'root' ? spec : empty ? {} : { spec };
  return {
    apiVersion: config.apiVersion,
    kind: config.kind,
    metadata: metadata as Json,
    ...body,
    ...(config.status === undefined ? {} : { status: config.status }),
  };
}

/** The object as YAML that also readers of YAML 1.1 (kubectl) understand the same way. Decoding it gives an equal Config. */
export function toYaml(config: Config): string {
  return stringify(toObject(config), { compat: 'yaml-1.1', lineWidth: 0, aliasDuplicateObjects: false });
}
