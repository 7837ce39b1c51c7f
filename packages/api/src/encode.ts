import { stringify } from 'yaml';
import type { Config, Json } from './config.ts';
import { HIDDEN_VALUE } from './kinds/core/secret.ts';
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
    kind: kind?.id.kind ?? config.kind,
    metadata: metadata as Json,
    ...body,
    ...(config.status === undefined ? {} : { status: config.status }),
  };
}

/** Annotations in which tools keep a copy of the whole object. */
const COPIES = ['kubectl.kubernetes.io/last-applied-configuration'];

/** The object as it may be shown: of secret maps the keys only. What is shown so cannot be applied again: the mark is refused as a value. */
export function publicConfig(config: Config): Config {
  const hidden = kindByName(config.kind)?.hidden ?? [];
  if (hidden.length === 0) return config;
  const annotations = Object.fromEntries(Object.entries(config.meta.annotations).filter(([key]) => !COPIES.includes(key)));
  const fields = Object.entries(config.spec as { readonly [key: string]: Json });
  const spec = Object.fromEntries(fields.map(([field, value]) => [field, hidden.includes(field) ? keysOnly(value) : value]));
  return { ...config, meta: { ...config.meta, annotations }, spec };
}

/** `publicConfig` in Kubernetes' JSON shape. */
export function toPublicObject(config: Config): { readonly [key: string]: Json } {
  return toObject(publicConfig(config));
}

function keysOnly(value: Json): Json {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return HIDDEN_VALUE;
  return Object.fromEntries(Object.keys(value).map((key) => [key, HIDDEN_VALUE]));
}

/** The object as YAML that also readers of YAML 1.1 (kubectl) understand the same way. Decoding it gives an equal Config. */
export function toYaml(config: Config): string {
  return stringify(toObject(config), { compat: 'yaml-1.1', lineWidth: 0, aliasDuplicateObjects: false });
}
