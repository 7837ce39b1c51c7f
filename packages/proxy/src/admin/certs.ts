import { X509Certificate } from 'node:crypto';
import { json, type AdminContext, type AdminEndpoint } from './context.ts';

/** Envoy's `/certs`: what the certificates in use say, never their keys. */
export const certsEndpoint: AdminEndpoint = {
  path: '/certs',
  help: 'print certs on machine',
  write: false,
  handle: (context) => json({ certificates: context.certificates().map((item) => describeBundle(context, item)) }),
};

/** When each certificate in use ends, in ms since 1970. */
export function certificateEnds(context: AdminContext): readonly number[] {
  return context.certificates().flatMap(({ pem }) => certificatesIn(pem).map((certificate) => certificate.validToDate.getTime()));
}

function certificatesIn(pem: string): readonly X509Certificate[] {
  return (pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []).map((one) => new X509Certificate(one));
}

function describeBundle(context: AdminContext, { name, kind, pem }: ReturnType<AdminContext['certificates']>[number]): object {
  const details = certificatesIn(pem).map((one) => describe(context, name, one));
  return { ca_cert: kind === 'ca' ? details : [], cert_chain: kind === 'chain' ? details : [] };
}

function describe(context: AdminContext, name: string, certificate: X509Certificate): object {
  const until = certificate.validToDate.getTime();
  return {
    path: `<${name}>`,
    serial_number: certificate.serialNumber.toLowerCase(),
    subject_alt_names: subjectAltNames(certificate.subjectAltName ?? ''),
    days_until_expiration: String(Math.max(0, Math.floor((until - context.nowMs()) / 86_400_000))),
    valid_from: certificate.validFromDate.toISOString(),
    expiration_time: certificate.validToDate.toISOString(),
  };
}

/** `URI:spiffe://a, DNS:b` as Envoy's list. */
function subjectAltNames(text: string): readonly object[] {
  return text
    .split(', ')
    .filter((part) => part !== '')
    .map((part) => {
      const colon = part.indexOf(':');
      const kind = part.slice(0, colon).toLowerCase();
      return { [kind === 'ip address' ? 'ip_address' : kind]: part.slice(colon + 1) };
    });
}
