/** The identity of a workload: its service account in its namespace, within a trust domain. */
export interface SpiffeId {
  readonly trustDomain: string;
  readonly namespace: string;
  readonly serviceAccount: string;
}

// SPIFFE-ID section 2.1 and Kubernetes' names (RFC 1123); service accounts may hold dots.
const TRUST_DOMAIN = /^[a-z0-9._-]{1,255}$/;
const NAMESPACE = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const SERVICE_ACCOUNT = /^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/;
const MAX_URI_LENGTH = 2048;

/** Whether all parts of an identity are well-formed: what `formatSpiffeId` writes then parses back to the same. */
export function isValidSpiffeId(id: SpiffeId): boolean {
  return (
    TRUST_DOMAIN.test(id.trustDomain) && NAMESPACE.test(id.namespace) && SERVICE_ACCOUNT.test(id.serviceAccount) && !id.serviceAccount.includes('..')
  );
}

/** `spiffe://<trust domain>/ns/<namespace>/sa/<service account>`. */
export function formatSpiffeId(id: SpiffeId): string {
  return `spiffe://${id.trustDomain}/ns/${id.namespace}/sa/${id.serviceAccount}`;
}

/**
 * Strict reading of Istio's form of a SPIFFE ID: no upper case, no percent escapes, no query, no empty or dot segments, nothing after the
 * account. Anything else is `undefined`: an identity is compared, so it must have one spelling.
 */
export function parseSpiffeId(uri: string): SpiffeId | undefined {
  if (uri.length > MAX_URI_LENGTH || !uri.startsWith('spiffe://')) return undefined;
  const [trustDomain, ns, namespace, sa, serviceAccount, ...rest] = uri.slice('spiffe://'.length).split('/');
  if (ns !== 'ns' || sa !== 'sa' || rest.length > 0) return undefined;
  if (trustDomain === undefined || namespace === undefined || serviceAccount === undefined) return undefined;
  const id = { trustDomain, namespace, serviceAccount };
  return isValidSpiffeId(id) ? id : undefined;
}
