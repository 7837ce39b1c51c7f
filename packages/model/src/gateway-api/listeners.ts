import {
  compareByAge,
  GATEWAY_GROUP,
  proxyPortFault,
  type Config,
  type GatewayListener,
  type KubernetesGateway,
  type ListenerSet,
  type NamespaceSelector,
  type SpecTypes,
} from '@meltemi/api';
import type { Labels } from '../types/service.ts';
import { OWN_CLASSES, OWN_CONTROLLERS, type Fault } from './conditions.ts';
import { derivedName } from './derived.ts';
import type { GatewayApiObjects } from './inputs.ts';
import { isGranted, referrer } from './references.ts';

/** A kind of route, as listeners name it. */
export interface RouteKind {
  readonly group: string;
  readonly kind: string;
}

/** A listener of a Gateway or ListenerSet, judged. */
export interface JudgedListener {
  readonly gateway: Config<KubernetesGateway>;
  /** The Gateway, or the ListenerSet that adds it. */
  readonly owner: Config<KubernetesGateway> | Config<ListenerSet>;
  readonly listener: GatewayListener;
  readonly kinds: readonly RouteKind[];
  /** Why nothing attaches: unknown protocol, a conflict with another listener. */
  readonly rejected: Fault | undefined;
  readonly conflict: Fault | undefined;
  /** Certificates that are missing or may not be referred to: TLS cannot end here. */
  readonly uncertified: Fault | undefined;
  /** What of its references is wrong: that, or kinds that are not known. */
  readonly unresolved: Fault | undefined;
}

const ROUTES_OF: ReadonlyMap<string, readonly string[]> = new Map([
  ['HTTP', ['HTTPRoute', 'GRPCRoute']],
  ['HTTPS', ['HTTPRoute', 'GRPCRoute']],
  ['TLS', ['TLSRoute', 'TCPRoute']],
  ['TCP', ['TCPRoute']],
]);

/** Whether we serve Gateways of a class; undefined: the class is another controller's or nobody's. */
export function isOwnClass(objects: GatewayApiObjects, name: string): boolean {
  const known = objects.classes.get(name);
  return known === undefined ? OWN_CLASSES.includes(name) : OWN_CONTROLLERS.includes(known.spec.controllerName);
}

/** All listeners of our Gateways: those of the Gateway first, then those of its ListenerSets by age. */
export function judgeListeners(objects: GatewayApiObjects): readonly JudgedListener[] {
  return objects.gateways.filter(({ spec }) => isOwnClass(objects, spec.gatewayClassName)).flatMap((gateway) => listenersOf(objects, gateway));
}

function listenersOf(objects: GatewayApiObjects, gateway: Config<KubernetesGateway>): readonly JudgedListener[] {
  const added = objects.listenerSets
    .filter((set) => isParent(set, gateway) && listenerSetFault(objects, set, gateway) === undefined)
    .toSorted(compareByAge);
  const all = [gateway, ...added].flatMap((owner) => owner.spec.listeners.map((listener) => ({ owner, listener })));
  return all.map(({ owner, listener }, index): JudgedListener => {
    const before = all.slice(0, index).map((item) => item.listener);
    const conflict = conflictOf(listener, before);
    const { kinds, fault } = routeKinds(listener);
    const uncertified = tlsFault(objects, owner, listener);
    return {
      gateway,
      owner,
      listener,
      kinds,
      rejected: protocolFault(listener) ?? portFault(listener) ?? conflict,
      conflict,
      uncertified,
      unresolved: fault ?? uncertified,
    };
  });
}

/** What the owner of a listener is called in names of derived objects: a ListenerSet may have the name of its Gateway. */
export function ownerName({ owner }: Pick<JudgedListener, 'owner'>): string {
  return owner.kind === 'ListenerSet' ? derivedName('set', owner.meta.name) : owner.meta.name;
}

/** Whether a ListenerSet names a Gateway. */
export function isParent(set: Config<ListenerSet>, gateway: Config<KubernetesGateway>): boolean {
  const { parentRef } = set.spec;
  return (
    parentRef.group === GATEWAY_GROUP &&
    parentRef.kind === 'Gateway' &&
    parentRef.name === gateway.meta.name &&
    (parentRef.namespace ?? set.meta.namespace) === gateway.meta.namespace
  );
}

/** Why a ListenerSet adds nothing to its Gateway. */
export function listenerSetFault(objects: GatewayApiObjects, set: Config<ListenerSet>, gateway: Config<KubernetesGateway>): Fault | undefined {
  const { from = 'None', selector } = gateway.spec.allowedListeners?.namespaces ?? {};
  return allows(objects, { from, selector }, gateway.meta.namespace, set.meta.namespace)
    ? undefined
    : {
        reason: 'NotAllowed',
        message: `Gateway ${gateway.meta.namespace}/${gateway.meta.name} allows no ListenerSets of ${set.meta.namespace} (spec.allowedListeners)`,
      };
}

/** Whether objects of a namespace may attach. */
export function allows(
  objects: Pick<GatewayApiObjects, 'namespaceLabels'>,
  allowed: { readonly from: 'All' | 'Selector' | 'Same' | 'None'; readonly selector?: NamespaceSelector | undefined },
  own: string,
  other: string,
): boolean {
  if (allowed.from === 'All') return true;
  if (allowed.from === 'Same') return own === other;
  if (allowed.from === 'None') return false;
  return selects(allowed.selector ?? {}, objects.namespaceLabels.get(other) ?? { 'kubernetes.io/metadata.name': other });
}

function selects(selector: NamespaceSelector, labels: Labels): boolean {
  const equal = Object.entries(selector.matchLabels ?? {}).every(([key, value]) => labels[key] === value);
  return (
    equal &&
    (selector.matchExpressions ?? []).every(({ key, operator, values = [] }) => {
      const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
      if (operator === 'Exists') return value !== undefined;
      if (operator === 'DoesNotExist') return value === undefined;
      const listed = value !== undefined && values.includes(value);
      return operator === 'In' ? listed : !listed;
    })
  );
}

function protocolFault({ protocol }: GatewayListener): Fault | undefined {
  return ROUTES_OF.has(protocol)
    ? undefined
    : { reason: 'UnsupportedProtocol', message: `protocol "${protocol}" is not served; write ${[...ROUTES_OF.keys()].join(', ')}` };
}

function portFault({ port }: GatewayListener): Fault | undefined {
  const message = proxyPortFault(port);
  return message === undefined ? undefined : { reason: 'PortUnavailable', message };
}

/** Two listeners of a port must differ in their host, and speak what can be told apart. */
function conflictOf(listener: GatewayListener, before: readonly GatewayListener[]): Fault | undefined {
  const family = (protocol: string): string => (protocol === 'HTTPS' ? 'TLS' : protocol);
  for (const other of before) {
    if (other.port !== listener.port) continue;
    if (family(other.protocol) !== family(listener.protocol))
      return { reason: 'ProtocolConflict', message: `port ${listener.port} speaks ${other.protocol} for listener "${other.name}"` };
    if ((other.hostname ?? '') === (listener.hostname ?? ''))
      return { reason: 'HostnameConflict', message: `listener "${other.name}" has the same port and hostname` };
  }
  return undefined;
}

function routeKinds({ protocol, allowedRoutes }: GatewayListener): { readonly kinds: readonly RouteKind[]; readonly fault: Fault | undefined } {
  const fitting = (ROUTES_OF.get(protocol) ?? []).map((kind) => ({ group: GATEWAY_GROUP, kind }));
  const asked = allowedRoutes?.kinds;
  if (asked === undefined || asked.length === 0) return { kinds: fitting, fault: undefined };
  const kinds = asked.filter((item) => fitting.some((one) => one.kind === item.kind && one.group === item.group));
  const stray = asked.find((item) => !kinds.includes(item));
  const fault =
    stray === undefined ? undefined : { reason: 'InvalidRouteKinds', message: `routes of kind ${stray.kind} do not fit protocol ${protocol}` };
  return { kinds, fault };
}

/** What is wrong with the certificates of a listener. */
function tlsFault(objects: GatewayApiObjects, owner: JudgedListener['owner'], { protocol, tls }: GatewayListener): Fault | undefined {
  const { mode, options = {}, certificateRefs: refs = [] } = tls ?? {};
  if (!['HTTPS', 'TLS'].includes(protocol) || mode === 'Passthrough' || options[TERMINATE_MODE] === 'ISTIO_MUTUAL') return undefined;
  if (refs.length === 0) return { reason: 'InvalidCertificateRef', message: `protocol ${protocol} needs tls.certificateRefs` };
  return refs.flatMap((ref) => certificateFault(objects, owner, ref) ?? [])[0];
}

type CertificateRef = NonNullable<NonNullable<GatewayListener['tls']>['certificateRefs']>[number];

function certificateFault(objects: GatewayApiObjects, owner: JudgedListener['owner'], ref: CertificateRef): Fault | undefined {
  const { group, kind, name, namespace = owner.meta.namespace } = ref;
  const invalid = (message: string): Fault => ({ reason: 'InvalidCertificateRef', message });
  if (group !== '' || kind !== 'Secret') return invalid(`a certificate is a Secret, not a ${kind}`);
  const from = referrer(owner);
  if (!isGranted(objects, from, { group, kind, namespace, name }))
    return { reason: 'RefNotPermitted', message: `no ReferenceGrant in ${namespace} opens Secret ${name} to a ${from.kind} of ${from.namespace}` };
  const secret = objects.secrets.get(`${namespace}/${name}`);
  if (secret === undefined) return invalid(`Secret ${namespace}/${name} does not exist`);
  return hasKeyPair(secret) ? undefined : invalid(`Secret ${namespace}/${name} has no tls.crt and tls.key`);
}

/** Option that says how TLS ends, as in Istio. */
export const TERMINATE_MODE = 'gateway.istio.io/tls-terminate-mode';
/** Option that names cipher suites, separated by commas. */
export const CIPHER_SUITES = 'gateway.istio.io/tls-cipher-suites';

function hasKeyPair({ spec }: Config<SpecTypes['Secret']>): boolean {
  const keys = new Set([...Object.keys(spec.data ?? {}), ...Object.keys(spec.stringData ?? {})]);
  return (keys.has('tls.crt') && keys.has('tls.key')) || (keys.has('cert') && keys.has('key'));
}
