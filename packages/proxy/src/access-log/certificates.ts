import type { TlsInfo } from '../types.ts';
import { formatTime } from './times.ts';

/** Node's lines of a name (`O=…`, `CN=…`) in RFC 2253's order; '' = there is none. */
export function distinguishedName(lines: string | undefined): string {
  return lines === undefined ? '' : lines.split('\n').reverse().join(',');
}

type TlsGetter = (tls: TlsInfo) => string | undefined;

const names =
  (type: 'dns' | 'ip' | 'email'): TlsGetter =>
  ({ peerNames }) =>
    peerNames
      .filter((name) => name.type === type)
      .map(({ value }) => value)
      .join(',');

/** What a TLS connection tells of itself and of its peer, by the end of the operator's name. */
export const TLS_OPERATORS: Readonly<Record<string, TlsGetter>> = {
  TLS_VERSION: (tls) => tls.version,
  TLS_CIPHER: (tls) => tls.cipher,
  PEER_URI_SAN: (tls) => tls.peerUri,
  PEER_DNS_SAN: names('dns'),
  PEER_IP_SAN: names('ip'),
  PEER_EMAIL_SAN: names('email'),
  LOCAL_URI_SAN: (tls) => tls.localUri,
  PEER_SUBJECT: (tls) => tls.peerSubject,
  PEER_ISSUER: ({ certificate }) => distinguishedName(certificate?.issuer),
  PEER_SERIAL: ({ certificate }) => certificate?.serialNumber.toLowerCase(),
  PEER_FINGERPRINT_256: (tls) => tls.peerHash,
  PEER_FINGERPRINT_1: ({ certificate }) => certificate?.fingerprint.replaceAll(':', '').toLowerCase(),
  PEER_CERT: (tls) => (tls.peerPem === '' ? undefined : encodeURIComponent(tls.peerPem)),
};

/** `%…_PEER_CERT_V_START(format)%` and its end. */
export function certificateTime(which: 'validFrom' | 'validTo', format: string): TlsGetter {
  return ({ certificate }) => {
    if (certificate === undefined) return undefined;
    return formatTime(Date.parse(certificate[which]), format);
  };
}
