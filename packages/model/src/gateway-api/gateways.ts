import type { Config, Gateway, GatewayServer } from '@meltemi/api';
import { isGranted, referrer } from './references.ts';
import type { Attachment } from './attach.ts';
import { derivedName, GATEWAY_NAMESPACE } from './derived.ts';
import type { GatewayApiObjects } from './inputs.ts';
import { CIPHER_SUITES, ownerName, TERMINATE_MODE, type JudgedListener } from './listeners.ts';

/** Label of the workloads that serve a Gateway, as in Kubernetes. */
const GATEWAY_NAME_LABEL = 'gateway.networking.k8s.io/gateway-name';

/** `namespace/name` of the derived Gateway of a listener. */
export function gatewayKey(judged: JudgedListener): string {
  const { gateway, owner, listener } = judged;
  return `${gateway.meta.namespace}/${derivedName(gateway.meta.name, owner.meta.namespace, ownerName(judged), listener.name)}`;
}

/** Which workloads serve a Gateway: those that its label names, or those of the Service that `addresses` names. */
export function servingWorkloads(
  objects: GatewayApiObjects,
  gateway: JudgedListener['gateway'],
): { readonly namespace: string; readonly labels: Readonly<Record<string, string>> } | undefined {
  const named = namedService(gateway);
  if (named === undefined) return { namespace: gateway.meta.namespace, labels: { [GATEWAY_NAME_LABEL]: gateway.meta.name } };
  const selector = isPermitted(objects, gateway, named) ? objects.services.get(`${named.namespace}/${named.name}`)?.spec.selector : undefined;
  return selector === undefined || Object.keys(selector).length === 0 ? undefined : { namespace: named.namespace, labels: selector };
}

/** Why no workload can serve a Gateway whose `servingWorkloads` are undefined. */
export function unservedBecause(objects: GatewayApiObjects, gateway: JudgedListener['gateway']): string {
  const named = namedService(gateway);
  return named !== undefined && !isPermitted(objects, gateway, named)
    ? `no ReferenceGrant of namespace ${named.namespace} permits Gateways of namespace ${gateway.meta.namespace} to take the Service ${named.name}`
    : 'addresses names a Service that is not there, or that selects nothing';
}

interface NamedService {
  readonly name: string;
  readonly namespace: string;
}

function namedService(gateway: JudgedListener['gateway']): NamedService | undefined {
  const named = (gateway.spec.addresses ?? []).find(({ type, value }) => type === 'Hostname' && value !== undefined)?.value;
  const [name = '', namespace = gateway.meta.namespace] = named?.split('.') ?? [];
  return named === undefined ? undefined : { name, namespace };
}

/** Whose gateway it is decides who opens ports on it. */
function isPermitted(objects: GatewayApiObjects, gateway: JudgedListener['gateway'], { name, namespace }: NamedService): boolean {
  return isGranted(objects, referrer(gateway), { group: '', kind: 'Service', name, namespace });
}

/** A Gateway of Istio for every listener that can be served. Listeners that end TLS for bytes have a server for each route's hosts. */
export function derivedGateways(
  objects: GatewayApiObjects,
  listeners: readonly JudgedListener[],
  terminated: readonly Attachment[],
): readonly Config<Gateway>[] {
  return listeners.flatMap((listener): Config<Gateway>[] => {
    const serving = servingWorkloads(objects, listener.gateway);
    if (listener.rejected !== undefined || serving === undefined) return [];
    const server = serverOf(objects, listener);
    if (server === undefined) return [];
    const { owner, gateway } = listener;
    const [namespace = '', name = ''] = gatewayKey(listener).split('/');
    const { creationTimestamp } = gateway.meta;
    const hosts = new Set(terminated.filter((item) => item.listener === listener).flatMap((item) => item.hosts));
    return [
      {
        kind: 'Gateway',
        apiVersion: 'networking.istio.io/v1',
        meta: {
          name,
          namespace,
          labels: {},
          annotations: { [GATEWAY_NAMESPACE]: serving.namespace },
          ...(creationTimestamp === undefined ? {} : { creationTimestamp }),
        },
        origin: owner.origin,
        spec: { selector: serving.labels, servers: [hosts.size === 0 ? server : { ...server, hosts: [...hosts].map((host) => `*/${host}`) }] },
      },
    ];
  });
}

/** undefined: its certificates are not there, and a listener without is none. */
function serverOf(objects: GatewayApiObjects, { gateway, owner, listener, uncertified }: JudgedListener): GatewayServer | undefined {
  const encrypted = listener.protocol === 'HTTPS' || listener.protocol === 'TLS';
  if (uncertified !== undefined) return undefined;
  return {
    port: { number: listener.port, protocol: listener.protocol, name: listener.name },
    hosts: [`*/${listener.hostname ?? '*'}`],
    ...(encrypted ? { tls: tlsOf(objects, { gateway, owner, listener }) } : {}),
  };
}

function tlsOf(
  objects: GatewayApiObjects,
  { gateway, owner, listener }: Pick<JudgedListener, 'gateway' | 'owner' | 'listener'>,
): NonNullable<GatewayServer['tls']> {
  const { mode, options = {}, certificateRefs = [] } = listener.tls ?? {};
  if (mode === 'Passthrough') return { mode: 'PASSTHROUGH' };
  const suites = cipherSuites(options[CIPHER_SUITES]);
  if (options[TERMINATE_MODE] === 'ISTIO_MUTUAL') return { mode: 'ISTIO_MUTUAL', ...suites };
  const names = certificateRefs.slice(0, 2).map(({ namespace, name }) => `kubernetes-gateway://${namespace ?? owner.meta.namespace}/${name}`);
  const [first = ''] = names;
  const credential = { ...(names.length === 1 ? { credentialName: first } : { credentialNames: names }), ...suites };
  const trust = clientTrust(objects, gateway, listener.port);
  if (trust !== undefined) return { mode: trust.optional ? 'OPTIONAL_MUTUAL' : 'MUTUAL', ...credential, caCertCredentialName: trust.name };
  return { mode: options[TERMINATE_MODE] === 'MUTUAL' ? 'MUTUAL' : 'SIMPLE', ...credential };
}

function cipherSuites(list: string | undefined): { readonly cipherSuites?: readonly string[] } {
  const names = (list ?? '').split(',').flatMap((name) => (name.trim() === '' ? [] : [name.trim()]));
  return names.length === 0 ? {} : { cipherSuites: names };
}

/** What client certificates of a port are checked with. */
function clientTrust(
  objects: GatewayApiObjects,
  gateway: JudgedListener['gateway'],
  port: number,
): { readonly name: string; readonly optional: boolean } | undefined {
  const { frontend } = gateway.spec.tls ?? {};
  const validation = (frontend?.perPort?.find((item) => item.port === port)?.tls ?? frontend?.default)?.validation;
  if (validation === undefined) return undefined;
  const names = validation.caCertificateRefs.flatMap((ref) => trustName(objects, gateway, ref) ?? []);
  // Nothing to check with: a secret that cannot be there, so that nobody is let in.
  const [name = `kubernetes-gateway://${gateway.meta.namespace}/${derivedName('missing', '')}-cacert`] = names;
  return { name, optional: validation.mode === 'AllowInsecureFallback' };
}

type CaRef = { readonly group: string; readonly kind: string; readonly name: string; readonly namespace?: string };

function trustName(objects: GatewayApiObjects, gateway: JudgedListener['gateway'], ref: CaRef): string | undefined {
  const { group, kind, name, namespace = gateway.meta.namespace } = ref;
  const there = kind === 'ConfigMap' ? objects.configMaps : objects.secrets;
  if (!there.has(`${namespace}/${name}`) || !isGranted(objects, referrer(gateway), { group, kind, namespace, name })) return undefined;
  return kind === 'ConfigMap' ? `configmap://${namespace}/${name}` : `kubernetes-gateway://${namespace}/${name}-cacert`;
}
