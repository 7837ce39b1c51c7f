import { GATEWAY_GROUP, type Config } from '@meltemi/api';
import { MISSING_BACKEND } from './derived.ts';
import type { Fault } from './conditions.ts';
import { namedService, type GatewayApiObjects } from './inputs.ts';

/** Who refers to something. */
export interface Referrer {
  readonly kind: string;
  readonly namespace: string;
}

/** Whether an object of a namespace may be referred to from elsewhere: from its own namespace, or by a ReferenceGrant there. */
export function isGranted(
  objects: GatewayApiObjects,
  from: Referrer,
  to: { readonly group: string; readonly kind: string; readonly namespace: string; readonly name: string },
): boolean {
  if (from.namespace === to.namespace) return true;
  return objects.grants.some(
    ({ meta, spec }) =>
      meta.namespace === to.namespace &&
      spec.from.some((item) => item.group === GATEWAY_GROUP && item.kind === from.kind && item.namespace === from.namespace) &&
      spec.to.some((item) => item.group === to.group && item.kind === to.kind && (item.name === undefined || item.name === to.name)),
  );
}

/** A reference to a backend, as routes have it. */
export interface BackendReference {
  readonly group: string;
  readonly kind: string;
  readonly name: string;
  readonly namespace?: string;
  readonly port?: number;
}

/** Where a backend reference leads; with a fault the destination is one that nothing answers for. */
export interface ResolvedBackend {
  readonly destination: { readonly host: string; readonly port?: { readonly number: number } };
  readonly fault?: Fault;
}

const MISSING = { host: MISSING_BACKEND, port: { number: 80 } };
const missing = (reason: string, message: string): ResolvedBackend => ({ destination: MISSING, fault: { reason, message } });

/** Looks a backend up. */
export function resolveBackend(objects: GatewayApiObjects, ref: BackendReference, from: Referrer): ResolvedBackend {
  const namespace = ref.namespace ?? from.namespace;
  const text = `${ref.kind} ${namespace}/${ref.name}`;
  const place = { group: ref.group, kind: ref.kind, namespace, name: ref.name };
  const known = namedService(objects, place);
  if (known === 'unknown-kind')
    return missing('InvalidKind', `a backend of kind "${ref.kind}" in group "${ref.group}" is not known; write Service, ServiceEntry or Hostname`);
  if (ref.kind !== 'Hostname' && !isGranted(objects, from, place))
    return missing('RefNotPermitted', `no ReferenceGrant in ${namespace} opens ${text} to a ${from.kind} of ${from.namespace}`);
  if (known === undefined) return missing('BackendNotFound', `${text} does not exist`);
  if (ref.port === undefined && ref.kind !== 'ServiceEntry') return missing('UnsupportedValue', `the reference to ${text} needs a port`);
  const { host, ports } = known;
  if (ref.port !== undefined && ports?.every(({ number }) => number !== ref.port) === true)
    return missing('BackendNotFound', `${text} has no port ${ref.port}; it has ${ports.map(({ number }) => number).join(', ')}`);
  return { destination: { host, ...(ref.port === undefined ? {} : { port: { number: ref.port } }) } };
}

/** A fault of a route's references: the first that there is. */
export function firstFault(resolved: readonly ResolvedBackend[]): Fault | undefined {
  return resolved.find((item) => item.fault !== undefined)?.fault;
}

/** The referrer that an object is. */
export function referrer(config: Config): Referrer {
  return { kind: config.kind === 'KubernetesGateway' ? 'Gateway' : config.kind, namespace: config.meta.namespace };
}
