import { GATEWAY_GROUP, type Config, type KubernetesGateway } from '@meltemi/api';
import { hostCovers, isWildcard } from '../hostname.ts';
import type { Fault } from './conditions.ts';
import { allows, type JudgedListener } from './listeners.ts';
import type { GatewayApiObjects } from './inputs.ts';

/** What a route names as its parent. */
export interface ParentRef {
  readonly group: string;
  readonly kind: string;
  readonly name: string;
  readonly namespace?: string;
  readonly sectionName?: string;
  readonly port?: number;
}

/** A listener that takes a route, with the hosts under which it does. */
export interface Attachment {
  readonly listener: JudgedListener;
  /** Never empty; `*` for all. */
  readonly hosts: readonly string[];
}

/** What became of one parent of a route. `foreign`: it is another controller's, and we say nothing of it. */
export type AttachResult =
  | { readonly t: 'foreign' }
  | { readonly t: 'attached'; readonly attachments: readonly Attachment[] }
  | { readonly t: 'refused'; readonly fault: Fault };

/** A route, as far as attaching it goes. */
export interface RouteFacts {
  readonly config: Config;
  /** Kind of the route. */
  readonly kind: string;
  readonly hostnames: readonly string[];
}

/** Attaches a route to the listeners that a parent reference names. */
export function attach(objects: GatewayApiObjects, listeners: readonly JudgedListener[], route: RouteFacts, ref: ParentRef): AttachResult {
  const namespace = ref.namespace ?? route.config.meta.namespace;
  const owned = listeners.filter(({ owner }) => isOwner(owner, ref, namespace));
  if (owned.length === 0) return missingParent(objects, ref, namespace);
  const named = owned.filter(({ listener }) => (ref.sectionName ?? listener.name) === listener.name && (ref.port ?? listener.port) === listener.port);
  if (named.length === 0)
    return refuse(
      'NoMatchingParent',
      `${ref.kind} ${namespace}/${ref.name} has no such listener${ref.sectionName === undefined ? '' : ` "${ref.sectionName}"`}`,
    );
  const open = named.filter((item) => item.rejected === undefined && isAllowed(objects, item, route));
  if (open.length === 0)
    return refuse('NotAllowedByListeners', `no listener of ${namespace}/${ref.name} takes a ${route.kind} of ${route.config.meta.namespace}`);
  const attachments = open.flatMap((listener) => {
    const hosts = commonHosts(listener.listener.hostname, route.hostnames);
    return hosts.length === 0 ? [] : [{ listener, hosts }];
  });
  return attachments.length === 0
    ? refuse('NoMatchingListenerHostname', `no hostname of the route (${route.hostnames.join(', ')}) is one of the listeners'`)
    : { t: 'attached', attachments };
}

function refuse(reason: string, message: string): AttachResult {
  return { t: 'refused', fault: { reason, message } };
}

function isOwner(owner: JudgedListener['owner'], ref: ParentRef, namespace: string): boolean {
  const kind = owner.kind === 'KubernetesGateway' ? 'Gateway' : owner.kind;
  return ref.group === GATEWAY_GROUP && ref.kind === kind && owner.meta.name === ref.name && owner.meta.namespace === namespace;
}

/** A Gateway of another controller is not ours to speak of; one that is nowhere is. */
function missingParent(objects: GatewayApiObjects, ref: ParentRef, namespace: string): AttachResult {
  if (ref.group !== GATEWAY_GROUP || !['Gateway', 'ListenerSet'].includes(ref.kind))
    return refuse('InvalidKind', `a route attaches to a Gateway, a ListenerSet or a Service, not to a ${ref.kind} of "${ref.group}"`);
  const foreign =
    ref.kind === 'Gateway' && objects.gateways.some(({ meta }: Config<KubernetesGateway>) => meta.name === ref.name && meta.namespace === namespace);
  return foreign ? { t: 'foreign' } : refuse('NoMatchingParent', `${ref.kind} ${namespace}/${ref.name} does not exist`);
}

function isAllowed(objects: GatewayApiObjects, { owner, listener, kinds }: JudgedListener, { config, kind }: RouteFacts): boolean {
  const { from = 'Same', selector } = listener.allowedRoutes?.namespaces ?? {};
  return kinds.some((item) => item.kind === kind) && allows(objects, { from, selector }, owner.meta.namespace, config.meta.namespace);
}

/** The hosts that listener and route have in common; the more specific of each pair. */
function commonHosts(listener: string | undefined, route: readonly string[]): readonly string[] {
  if (route.length === 0) return [listener ?? '*'];
  if (listener === undefined) return [...new Set(route)];
  return [
    ...new Set(route.flatMap((host) => (hostCovers(listener, host) ? [host] : isWildcard(host) && hostCovers(host, listener) ? [listener] : []))),
  ];
}

/**
 * Listeners are isolated: a host that a more specific listener of the same port claims is not this one's, even if that one has no route for it.
 */
export function isolated(attachment: Attachment, listeners: readonly JudgedListener[]): readonly string[] {
  const { listener, gateway } = attachment.listener;
  const own = listener.hostname ?? '*';
  const finer = listeners.filter(
    (other) => other.gateway === gateway && other.rejected === undefined && other.listener.port === listener.port && other.listener !== listener,
  );
  return attachment.hosts.filter((host) =>
    finer.every(
      ({ listener: { hostname } }) => hostname === undefined || hostname === own || !hostCovers(own, hostname) || !hostCovers(hostname, host),
    ),
  );
}
