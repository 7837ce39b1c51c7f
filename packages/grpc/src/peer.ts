import type { Socket } from 'node:net';
import { TLSSocket, type PeerCertificate } from 'node:tls';
import type { Peer } from './server-call.ts';

/** Who is at the other end of a socket. A certificate counts only if it verified against the trusted roots. */
export function peerOf(socket: Socket): Peer {
  const address = (socket.remoteAddress ?? '').replace(/^::ffff:/, '');
  const certificate = socket instanceof TLSSocket && socket.authorized ? socket.getPeerCertificate() : undefined;
  const known = certificate !== undefined && Object.keys(certificate).length > 0;
  return {
    address,
    port: socket.remotePort ?? 0,
    principal: known ? spiffeId(certificate) : undefined,
    certificateExpiresMs: known ? Date.parse(certificate.valid_to) : undefined,
  };
}

/** Whether the certificate that verified when the connection began has ended since. */
export function hasExpired({ certificateExpiresMs }: Peer, nowMs = Date.now()): boolean {
  return certificateExpiresMs !== undefined && nowMs > certificateExpiresMs;
}

/** The SPIFFE ID: the only URI among the subject alternative names, as SPIFFE demands of an X.509-SVID. */
export function spiffeId(certificate: PeerCertificate): string | undefined {
  const uris = alternativeNames(certificate.subjectaltname ?? '').filter(([kind]) => kind === 'URI');
  const uri = uris.length === 1 ? uris[0]![1] : undefined;
  return uri?.startsWith('spiffe://') === true ? uri : undefined;
}

/** Splits Node's `URI:a, DNS:b`; a value with special characters comes as a JSON string and must not be split inside. */
function alternativeNames(text: string): readonly (readonly [string, string])[] {
  const names: (readonly [string, string])[] = [];
  for (const match of text.matchAll(/([A-Za-z ]+):(?:("(?:[^"\\]|\\.)*")|([^,]*))(?:, |$)/g)) {
    const quoted = match[2];
    names.push([match[1]!, quoted === undefined ? match[3]! : String(JSON.parse(quoted))]);
  }
  return names;
}
