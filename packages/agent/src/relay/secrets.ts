import { TYPE_URL } from '@meltemi/protos-types';
import type { Resource } from '@meltemi/xds';
import { hashBytes } from '@meltemi/base';
import type { Identity } from '../identity/identity-manager.ts';
import { encodeCertificateSecret, encodeRootSecret } from '../wire/messages.ts';

/** Names of Istio's workload secrets (S8). They are made by the agent: the key never leaves this machine, nor its memory. */
const CERTIFICATE_SECRET = 'default';
const ROOT_SECRET = 'ROOTCA';

/** Whether a resource is made here and never asked of the control plane. */
export function isLocalSecret(typeUrl: string, name: string): boolean {
  return typeUrl === TYPE_URL.secret && (name === CERTIFICATE_SECRET || name === ROOT_SECRET);
}

/** The workload's certificate and roots as SDS resources. */
export function localSecrets(identity: Identity): readonly Resource[] {
  const roots = encodeRootSecret(ROOT_SECRET, identity.roots);
  return [
    {
      name: CERTIFICATE_SECRET,
      version: identity.serial,
      bytes: encodeCertificateSecret(CERTIFICATE_SECRET, identity.certificateChain, identity.privateKey),
    },
    { name: ROOT_SECRET, version: String(hashBytes(roots)), bytes: roots },
  ];
}
