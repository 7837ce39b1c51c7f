import type { Finding } from '../../kind.ts';
import type { Gateway, GatewayServer } from './gateway.ts';
import { proxyPortFault } from './proxy-ports.ts';

const TLS_PROTOCOLS = new Set(['HTTPS', 'TLS']);
const CERTIFICATE_FIELDS = ['serverCertificate', 'privateKey', 'caCertificates', 'credentialName', 'credentialNames', 'tlsCertificates'] as const;

/** Istio's rules across the fields of a Gateway. */
export function validateGateway(spec: Gateway): Finding[] {
  const findings: Finding[] = [];
  const portNames = new Set<string>();
  const serverNames = new Set<string>();
  spec.servers.forEach((server, index) => {
    const path = ['servers', index];
    if (portNames.has(server.port.name))
      findings.push({ path: [...path, 'port', 'name'], message: `the port name "${server.port.name}" is used twice` });
    portNames.add(server.port.name);
    if (server.name !== undefined && server.name !== '') {
      if (serverNames.has(server.name)) findings.push({ path: [...path, 'name'], message: `the server name "${server.name}" is used twice` });
      serverNames.add(server.name);
    }
    const fault = proxyPortFault(server.port.number);
    if (fault !== undefined) findings.push({ path: [...path, 'port', 'number'], message: fault });
    const hosts = new Set<string>();
    server.hosts.forEach((host, at) => {
      const before = hosts.size;
      if (hosts.add(host).size === before) findings.push({ path: [...path, 'hosts', at], message: `"${host}" is listed twice` });
    });
    findings.push(...tlsRules(server, path));
  });
  return findings;
}

function tlsRules(server: GatewayServer, path: readonly (string | number)[]): Finding[] {
  const protocol = server.port.protocol.toUpperCase();
  const tls = server.tls;
  if (tls === undefined) return TLS_PROTOCOLS.has(protocol) ? [{ path, message: `a server of protocol ${protocol} needs tls settings` }] : [];
  const findings: Finding[] = [];
  const at = [...path, 'tls'];
  if (!TLS_PROTOCOLS.has(protocol)) {
    const others = Object.keys(tls).filter((key) => key !== 'httpsRedirect');
    if (others.length > 0)
      findings.push({ path: at, message: `a server of protocol ${protocol} takes only tls.httpsRedirect, not ${others.join(', ')}` });
    return findings;
  }
  findings.push(...certificateRules(tls, at));
  return findings;
}

/** Rules across the fields of TLS that ends at a proxy. */
export function certificateRules(tls: NonNullable<GatewayServer['tls']>, at: readonly (string | number)[]): Finding[] {
  const findings: Finding[] = [];
  const sources = CERTIFICATE_FIELDS.filter((field) => tls[field] !== undefined && field !== 'caCertificates' && field !== 'privateKey');
  if (sources.length > 1) findings.push({ path: at, message: `only one of ${sources.join(', ')} may be set` });
  const mode = tls.mode ?? 'PASSTHROUGH';
  const ends = mode === 'SIMPLE' || mode === 'MUTUAL' || mode === 'OPTIONAL_MUTUAL';
  if (ends) {
    if (sources.length === 0)
      findings.push({ path: at, message: `${mode} needs a certificate: credentialName, or serverCertificate and privateKey` });
  } else if (sources.length > 0) {
    findings.push({ path: at, message: `certificates have no effect with ${mode}`, severity: 'warning' });
  }
  return [...findings, ...versionRules(tls, at), ...fileRules(tls, at), ...clientRules(tls, mode, at)];
}

function versionRules(
  { minProtocolVersion: min, maxProtocolVersion: max }: NonNullable<GatewayServer['tls']>,
  at: readonly (string | number)[],
): Finding[] {
  // Older ones are refused, so there is one way to turn them round.
  if (min !== 'TLSV1_3' || max !== 'TLSV1_2') return [];
  return [{ path: [...at, 'minProtocolVersion'], message: `${min} is above maxProtocolVersion ${max}: no version would be left` }];
}

function fileRules(tls: NonNullable<GatewayServer['tls']>, at: readonly (string | number)[]): Finding[] {
  const findings: Finding[] = [];
  const pairs = tls.serverCertificate === undefined && tls.privateKey === undefined ? [] : [{ pair: tls, path: at }];
  const listed = (tls.tlsCertificates ?? []).map((pair, index) => ({ pair, path: [...at, 'tlsCertificates', index] }));
  for (const { pair, path } of [...pairs, ...listed]) {
    if ((pair.serverCertificate ?? '') === '') findings.push({ path: [...path, 'serverCertificate'], message: 'is required beside privateKey' });
    if ((pair.privateKey ?? '') === '') findings.push({ path: [...path, 'privateKey'], message: 'is required beside serverCertificate' });
  }
  if (tls.caCrl !== undefined && tls.caCertificates === undefined)
    findings.push({ path: [...at, 'caCrl'], message: 'a file of revoked certificates needs caCertificates; in a Secret they stand under ca.crl' });
  return findings;
}

const CLIENT_FIELDS = [
  'caCertificates',
  'caCertCredentialName',
  'subjectAltNames',
  'verifyCertificateSpki',
  'verifyCertificateHash',
  'insecureSkipVerify',
] as const;

function clientRules(tls: NonNullable<GatewayServer['tls']>, mode: string, at: readonly (string | number)[]): Finding[] {
  if (mode === 'MUTUAL' || mode === 'OPTIONAL_MUTUAL') {
    const files = tls.serverCertificate !== undefined || tls.tlsCertificates !== undefined;
    const trusted = tls.caCertificates !== undefined || tls.caCertCredentialName !== undefined;
    return files && !trusted ? [{ path: at, message: `${mode} needs caCertificates` }] : [];
  }
  return CLIENT_FIELDS.filter((field) => tls[field] !== undefined).map((field) => ({
    path: [...at, field],
    message: `has no effect with ${mode}: clients are not asked for a certificate, or for one of the mesh`,
    severity: 'warning' as const,
  }));
}
