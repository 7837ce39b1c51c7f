import type { ObjectRef } from '@meltemi/base';
import type { JsonObject, Metadata } from '@meltemi/protos-types';

/** `VirtualService/bookinfo/reviews#spec.http[0]`: what a resource was made from. */
export function originText(object: ObjectRef, path = ''): string {
  return `${object.kind}/${object.namespace}/${object.name}${path === '' ? '' : `#${path}`}`;
}

/** The reference of a decoded object. */
export function refOf(config: { readonly kind: string; readonly meta: { readonly namespace: string; readonly name: string } }): ObjectRef {
  return { kind: config.kind, namespace: config.meta.namespace, name: config.meta.name };
}

/** Metadata that carries the origin, so that an explanation can name object and line; more filter metadata may be added. */
export function originMetadata(origin: string, more: Readonly<Record<string, JsonObject>> = {}): Metadata {
  return { filter_metadata: { ...more, 'meltemi.io': { ...more['meltemi.io'], origin } } };
}
