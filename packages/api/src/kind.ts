import type { z } from 'zod';

/** Names a kind: `{ group: 'networking.istio.io', versions: ['v1', 'v1beta1', 'v1alpha3'], kind: 'VirtualService' }`; the core group is `''`. */
export interface KindId<K extends string = string> {
  readonly group: string;
  /** Served versions, the preferred one first. All have one shape. */
  readonly versions: readonly string[];
  readonly kind: K;
}

/** Something wrong with a spec, at a path inside it; becomes a Problem with place and object. */
export interface Finding {
  /** Path inside the spec: `['http', 0, 'route']`. */
  readonly path: readonly (string | number)[];
  readonly message: string;
  /** Words for `Problem.fix.text`. */
  readonly fix?: string;
  /** Default `error`: the object is refused. */
  readonly severity?: 'error' | 'warning';
}

/** What the validation of a kind may look at besides the spec. */
export interface ValidationContext {
  readonly name: string;
  readonly namespace: string;
}

/**
 * Everything the mesh knows of a kind, in one place: from it come types, decoding, validation, JSON Schema, CRD, documentation and
 * the REST resource. `unsupported` names what the schema knows but the data planes do not do yet; see `unsupported.ts`.
 */
export interface KindDefinition<K extends string = string, S extends z.ZodType = z.ZodType> {
  readonly id: KindId<K>;
  /** `Config.kind` of its objects: the kind's name, but where two groups have one of the same name. */
  readonly tag: string;
  /** Lower-case plural of the REST path: `virtualservices`. */
  readonly plural: string;
  /** Lower-case singular and kubectl's short names. */
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly scope: 'Namespaced' | 'Cluster';
  readonly schema: S;
  /** Where the spec stands in the object: under `spec`, or (ServiceAccount) beside `metadata`. */
  readonly body: 'spec' | 'root';
  /** Form of object names. */
  readonly names: 'subdomain' | 'label';
  /** True when an object without a spec is well formed. */
  readonly specOptional: boolean;
  /** Path pattern (`http[].mirror`, `trafficPolicy.tls.mode=SIMPLE`) to the reason why it is refused. */
  readonly unsupported: Readonly<Record<string, string>>;
  /** Top-level fields of the body whose values are secret: maps that are shown with their keys only. */
  readonly hidden: readonly string[];
  /** Rules across fields. Called with a spec whose fields are each well formed. */
  readonly validate: (spec: never, context: ValidationContext) => readonly Finding[];
  /** What listings show between name and age. */
  readonly columns: readonly Column[];
  /** One or two sentences for documentation. */
  readonly docs: string;
}

/** A column of listings: `path` is a field below the object, `spec.hosts`. */
export interface Column {
  readonly name: string;
  readonly path: string;
}

/** What `defineKind` takes. */
export interface KindOptions<K extends string, S extends z.ZodType> {
  readonly gvk: KindId<K>;
  /** Default: the kind's name. */
  readonly tag?: string;
  readonly plural: string;
  readonly shortNames?: readonly string[];
  readonly scope?: 'Namespaced' | 'Cluster';
  readonly schema: S;
  readonly body?: 'spec' | 'root';
  readonly names?: 'subdomain' | 'label';
  readonly specOptional?: boolean;
  readonly unsupported?: Readonly<Record<string, string>>;
  readonly hidden?: readonly string[];
  readonly validate?: (spec: z.output<S>, context: ValidationContext) => readonly Finding[];
  readonly columns?: readonly Column[];
  readonly docs: string;
}

/** Defines a kind. Defaults are part of the schema. */
export function defineKind<const K extends string, S extends z.ZodType>(options: KindOptions<K, S>): KindDefinition<K, S> {
  return {
    id: options.gvk,
    tag: options.tag ?? options.gvk.kind,
    plural: options.plural,
    singular: options.gvk.kind.toLowerCase(),
    shortNames: options.shortNames ?? [],
    scope: options.scope ?? 'Namespaced',
    schema: options.schema,
    body: options.body ?? 'spec',
    names: options.names ?? 'subdomain',
    specOptional: options.specOptional ?? false,
    unsupported: options.unsupported ?? {},
    hidden: options.hidden ?? [],
    validate: options.validate ?? (() => []),
    columns: options.columns ?? [],
    docs: options.docs,
  };
}

/** `networking.istio.io/v1`, or `v1` for the core group. */
export function apiVersionOf(id: KindId, version = id.versions[0] ?? 'v1'): string {
  return id.group === '' ? version : `${id.group}/${version}`;
}
