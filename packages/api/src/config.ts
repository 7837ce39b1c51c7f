import type { Origin } from '@meltemi/base';

/** A value made of plain JSON. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** Everything below a type, readonly. */
export type DeepReadonly<T> = T extends readonly (infer U)[]
  ? readonly DeepReadonly<U>[]
  : T extends object
    ? { readonly [K in keyof T]: DeepReadonly<T[K]> }
    : T;

/**
 * Kubernetes object metadata. `uid`, `resourceVersion`, `generation`, `creationTimestamp`, `selfLink` and `managedFields` are made by
 * a server: they are accepted on apply and kept. `namespace` is `''` for kinds of cluster scope.
 */
export interface ObjectMeta {
  readonly name: string;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly generation?: number;
  /** RFC 3339, UTC, whole seconds: compares as text. */
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly selfLink?: string;
  readonly finalizers?: readonly string[];
  readonly ownerReferences?: readonly Json[];
  readonly managedFields?: readonly Json[];
}

/** One decoded configuration object. `spec` has its defaults filled in. Objects of one kind differ in `meta.namespace` or `meta.name`. */
export interface Config<S = unknown> {
  readonly kind: string;
  /** As the user wrote it: `networking.istio.io/v1beta1`. All served versions of a kind have one shape. */
  readonly apiVersion: string;
  readonly meta: ObjectMeta;
  readonly spec: S;
  /** Kept as it came; never read by the mesh. */
  readonly status?: Json;
  readonly origin: Origin;
}

/** `VirtualService/bookinfo/reviews`, unique in a mesh; cluster scope gives `Namespace//bookinfo`. */
export function configKey(config: { readonly kind: string; readonly meta: { readonly namespace: string; readonly name: string } }): string {
  return `${config.kind}/${config.meta.namespace}/${config.meta.name}`;
}

/**
 * The universal order of Istio: oldest `creationTimestamp` first (an object without one is the youngest), then name, then namespace.
 * For `Array.prototype.sort`.
 */
export function compareByAge(a: Config, b: Config): number {
  return (
    compareText(a.meta.creationTimestamp ?? '\uffff', b.meta.creationTimestamp ?? '\uffff') ||
    compareText(a.meta.name, b.meta.name) ||
    compareText(a.meta.namespace, b.meta.namespace)
  );
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
