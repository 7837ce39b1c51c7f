import { createChannel, type ListenTarget } from '@meltemi/grpc';
import { joinPem } from '@meltemi/pki';
import { decodeCertificateResponse, encodeCertificateRequest } from '../wire/messages.ts';
import type { Identity, Proof } from './identity-manager.ts';

const CREATE_CERTIFICATE = '/istio.v1.auth.IstioCertificateService/CreateCertificate';
const DEADLINE_MS = 10_000;

/** How the control plane is reached and recognised. */
export interface ControlPlaneAddress {
  readonly target: ListenTarget;
  /** Roots known before the first certificate. */
  readonly rootCertificate: string;
  /** SPIFFE URI of the control plane. */
  readonly principal: string;
}

/** Asks the control plane's authority for a certificate, on a connection of its own: the proof decides how it authenticates. */
export async function requestCertificate(
  address: ControlPlaneAddress,
  latest: Identity | undefined,
  csr: string,
  proof: Proof,
): Promise<readonly string[]> {
  await using channel = createChannel({
    target: address.target,
    tls: {
      trustedCa: joinPem(latest?.roots ?? address.rootCertificate),
      expectedPrincipals: [address.principal],
      ...(proof.t === 'certificate' ? { certificateChain: proof.identity.certificateChain, privateKey: proof.identity.privateKey } : {}),
    },
    keepaliveMs: 0,
  });
  const metadata = proof.t === 'token' ? { metadata: { authorization: `Bearer ${proof.token}` } } : {};
  return decodeCertificateResponse(await channel.unary(CREATE_CERTIFICATE, encodeCertificateRequest(csr), { deadlineMs: DEADLINE_MS, ...metadata }));
}

/** `host:port` as a target. */
export function parseTarget(address: string): { host: string; port: number } {
  const colon = address.lastIndexOf(':');
  return { host: address.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(address.slice(colon + 1)) };
}
