import type { ConfigObject, MeshView } from './view.ts';

export type MtlsMode = 'STRICT' | 'PERMISSIVE' | 'DISABLE';

/** Kiali's status, and in our own words the mode in force, what decides it and a sentence that says so. */
export interface TlsJson {
  readonly status: 'MTLS_ENABLED' | 'MTLS_PARTIALLY_ENABLED' | 'MTLS_NOT_ENABLED' | 'MTLS_DISABLED';
  readonly autoMTLSEnabled: boolean;
  readonly minTLS: string;
  readonly namespace?: string;
  readonly cluster: string;
  readonly mode: MtlsMode;
  readonly reason: string;
}

interface PeerAuthentication {
  readonly selector?: { readonly matchLabels?: Readonly<Record<string, string>> };
  readonly mtls?: { readonly mode?: string };
}

/** The namespace-wide policy: the oldest without a selector, if it says anything. */
function policyOf(view: MeshView, namespace: string): { readonly object: ConfigObject; readonly mode: MtlsMode } | undefined {
  for (const object of view.objects) {
    if (object.kind !== 'PeerAuthentication' || object.namespace !== namespace) continue;
    const spec: PeerAuthentication = object.spec;
    if (Object.keys(spec.selector?.matchLabels ?? {}).length > 0) continue;
    const mode = spec.mtls?.mode;
    if (mode === 'STRICT' || mode === 'PERMISSIVE' || mode === 'DISABLE') return { object, mode };
  }
  return undefined;
}

function disablesTls(view: MeshView): ConfigObject | undefined {
  return view.objects.find((one) => {
    if (one.kind !== 'DestinationRule' || one.namespace !== view.rootNamespace) return false;
    const spec: { host?: string; trafficPolicy?: { tls?: { mode?: string } } } = one.spec;
    return (spec.host === '*.local' || spec.host === '*') && spec.trafficPolicy?.tls?.mode === 'DISABLE';
  });
}

/** The lock of the whole mesh. */
export function meshTlsJson(view: MeshView): TlsJson {
  const policy = policyOf(view, view.rootNamespace);
  const disabling = disablesTls(view);
  const base = { autoMTLSEnabled: view.autoMtls, minTLS: 'TLSV1_2', cluster: view.clusterName };
  const name = policy === undefined ? '' : `PeerAuthentication ${policy.object.namespace}/${policy.object.name}`;
  const mode = policy?.mode ?? 'PERMISSIVE';
  if (mode === 'DISABLE') return { ...base, mode, status: 'MTLS_DISABLED', reason: `Mesh-wide mTLS is off: ${name} has mode DISABLE.` };
  if (disabling !== undefined || !view.autoMtls) {
    const why =
      disabling === undefined
        ? 'automatic mTLS is switched off'
        : `DestinationRule ${disabling.namespace}/${disabling.name} switches it off at clients`;
    return {
      ...base,
      mode,
      status: mode === 'STRICT' ? 'MTLS_PARTIALLY_ENABLED' : 'MTLS_NOT_ENABLED',
      reason: `Clients do not use mTLS by themselves: ${why}.`,
    };
  }
  if (mode === 'STRICT')
    return { ...base, mode, status: 'MTLS_ENABLED', reason: `Mesh-wide mTLS is enabled: ${name} has mode STRICT, plain text is refused.` };
  const source = policy === undefined ? 'no mesh-wide PeerAuthentication, so the default PERMISSIVE holds' : `${name} has mode PERMISSIVE`;
  return {
    ...base,
    mode,
    status: 'MTLS_PARTIALLY_ENABLED',
    reason: `Workloads of the mesh use mTLS with each other, plain text from outside is accepted too: ${source}.`,
  };
}

/** The lock of a namespace: its own policy, else the mesh's. */
export function namespaceTlsJson(view: MeshView, namespace: string): TlsJson {
  const mesh = meshTlsJson(view);
  const policy = namespace === view.rootNamespace ? undefined : policyOf(view, namespace);
  const isInMesh = view.namespaces.find((one) => one.name === namespace)?.isInjected ?? false;
  const base = { autoMTLSEnabled: view.autoMtls, minTLS: 'N/A', namespace, cluster: view.clusterName };
  if (policy === undefined) {
    if (!isInMesh && !view.namespaces.some((one) => one.name === namespace && one.isControlPlane))
      return { ...base, mode: 'DISABLE', status: 'MTLS_NOT_ENABLED', reason: 'The namespace is not part of the mesh.' };
    return { ...base, mode: mesh.mode, status: mesh.status, reason: `Inherited from the mesh. ${mesh.reason}` };
  }
  const status = {
    STRICT: view.autoMtls ? 'MTLS_ENABLED' : 'MTLS_PARTIALLY_ENABLED',
    PERMISSIVE: 'MTLS_PARTIALLY_ENABLED',
    DISABLE: 'MTLS_DISABLED',
  } as const;
  return {
    ...base,
    mode: policy.mode,
    status: status[policy.mode],
    reason: `PeerAuthentication ${namespace}/${policy.object.name} has mode ${policy.mode}.`,
  };
}
