import type { XdsNode } from './generator.ts';

/**
 * Metadata is believed only as far as the certificate carries it: namespace and service account of `spiffe://<domain>/ns/<ns>/sa/<sa>`
 * must be those that the node claims, and the trust domain that of the mesh (roots of other meshes may be trusted for calls, and say nothing here). On the plaintext port there is no certificate, and nothing is served that depends on identity.
 */
export function verifyIdentity(node: XdsNode, trustDomain: string): string | undefined {
  if (node.principal === undefined) return undefined;
  const match = /^spiffe:\/\/([^/]+)\/ns\/([^/]+)\/sa\/([^/]+)$/.exec(node.principal);
  if (match === null)
    return `the certificate's identity ${node.principal} is not of the form spiffe://<trust domain>/ns/<namespace>/sa/<service account>`;
  const [, domain, namespace, account] = match;
  if (domain !== trustDomain) return `the certificate is of the trust domain "${domain}"; this mesh is "${trustDomain}"`;
  const { NAMESPACE: claimed, SERVICE_ACCOUNT: claimedAccount } = node.metadata;
  if (claimed !== namespace) return `the node claims namespace ${JSON.stringify(claimed)}, its certificate says "${namespace}"`;
  if (claimedAccount !== account) return `the node claims service account ${JSON.stringify(claimedAccount)}, its certificate says "${account}"`;
  return undefined;
}
