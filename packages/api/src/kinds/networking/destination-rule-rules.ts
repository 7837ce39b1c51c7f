import type { Finding, ValidationContext } from '../../kind.ts';
import type { ClientTlsSettings, DestinationRule, LoadBalancerSettings, PortTrafficPolicy, TrafficPolicy } from './destination-rule.ts';

type At = readonly (string | number)[];
const CERTIFICATE_FIELDS = ['clientCertificate', 'privateKey', 'caCertificates', 'credentialName', 'caCrl'] as const;

/** Istio's rules across the fields of a DestinationRule. */
export function validateDestinationRule(spec: DestinationRule, context: ValidationContext): Finding[] {
  const findings: Finding[] = [];
  if (spec.trafficPolicy !== undefined) findings.push(...policyRules(spec.trafficPolicy, ['trafficPolicy']));
  const names = new Set<string>();
  spec.subsets?.forEach((subset, index) => {
    if (names.has(subset.name)) findings.push({ path: ['subsets', index, 'name'], message: `the subset "${subset.name}" is defined twice` });
    names.add(subset.name);
    if (subset.trafficPolicy !== undefined) findings.push(...policyRules(subset.trafficPolicy, ['subsets', index, 'trafficPolicy']));
  });
  if (spec.workloadSelector === undefined) findings.push(...credentialRules(spec));
  const foreign = spec.exportTo?.find((namespace) => namespace !== '.' && namespace !== context.namespace);
  if (spec.workloadSelector !== undefined && foreign !== undefined) {
    findings.push({ path: ['exportTo'], message: `with workloadSelector, exportTo can name only the own namespace, not "${foreign}"` });
  }
  return findings;
}

/** A rule without a selector is everybody's, and a credential is nobody's but its owner's. */
function credentialRules(spec: DestinationRule): Finding[] {
  const policies: readonly (readonly [At, TrafficPolicy | undefined])[] = [
    [['trafficPolicy'], spec.trafficPolicy],
    ...(spec.subsets ?? []).map((subset, index) => [['subsets', index, 'trafficPolicy'], subset.trafficPolicy] as const),
  ];
  const blocks = policies.flatMap(([at, policy]) => [
    [at, policy] as const,
    ...(policy?.portLevelSettings ?? []).map((settings, index) => [[...at, 'portLevelSettings', index], settings] as const),
  ]);
  return blocks.flatMap(([at, policy]) =>
    policy?.tls?.credentialName === undefined
      ? []
      : [
          {
            path: [...at, 'tls', 'credentialName'],
            message: 'without workloadSelector, only gateways heed this: sidecars call without TLS of their own',
            severity: 'warning' as const,
          },
        ],
  );
}

function policyRules(policy: TrafficPolicy, at: At): Finding[] {
  const findings = [...blockRules(policy, at)];
  if (Object.keys(policy).length === 0) findings.push({ path: at, message: 'trafficPolicy needs at least one field' });
  if (policy.tunnel !== undefined && policy.proxyProtocol !== undefined)
    findings.push({ path: [...at, 'tunnel'], message: 'only one of tunnel and proxyProtocol may be set' });
  if (policy.tunnel?.protocol !== undefined && !['CONNECT', 'POST'].includes(policy.tunnel.protocol)) {
    findings.push({ path: [...at, 'tunnel', 'protocol'], message: `"${policy.tunnel.protocol}" is neither CONNECT nor POST` });
  }
  const ports = new Set<number>();
  policy.portLevelSettings?.forEach((settings, index) => {
    const path = [...at, 'portLevelSettings', index];
    if (ports.has(settings.port.number)) findings.push({ path: [...path, 'port', 'number'], message: `port ${settings.port.number} is set twice` });
    ports.add(settings.port.number);
    if (Object.keys(settings).length < 2)
      findings.push({ path, message: 'a port needs at least one of loadBalancer, connectionPool, outlierDetection and tls' });
    findings.push(...blockRules(settings, path));
  });
  return findings;
}

function blockRules(policy: TrafficPolicy | PortTrafficPolicy, at: At): Finding[] {
  const findings: Finding[] = [];
  if (policy.loadBalancer !== undefined) findings.push(...loadBalancerRules(policy.loadBalancer, [...at, 'loadBalancer']));
  if (policy.tls !== undefined) findings.push(...tlsRules(policy.tls, [...at, 'tls']));
  const http = policy.connectionPool?.http;
  if (http?.useClientProtocol === true && http.h2UpgradePolicy === 'UPGRADE') {
    findings.push({
      path: [...at, 'connectionPool', 'http', 'useClientProtocol'],
      message: 'useClientProtocol contradicts h2UpgradePolicy: UPGRADE',
    });
  }
  if (policy.connectionPool !== undefined && policy.connectionPool.tcp === undefined && http === undefined) {
    findings.push({ path: [...at, 'connectionPool'], message: 'connectionPool needs tcp or http' });
  }
  return findings;
}

function loadBalancerRules(loadBalancer: LoadBalancerSettings, at: At): Finding[] {
  const findings = [
    ...hashRules(loadBalancer.consistentHash, [...at, 'consistentHash']),
    ...localityRules(loadBalancer.localityLbSetting, [...at, 'localityLbSetting']),
    ...failoverRules(loadBalancer.zoneAwareLbSetting?.failover, [...at, 'zoneAwareLbSetting']),
  ];
  if (loadBalancer.zoneAwareLbSetting !== undefined && (loadBalancer.consistentHash !== undefined || loadBalancer.simple === 'PASSTHROUGH')) {
    const message = 'zones are heeded with ROUND_ROBIN, LEAST_REQUEST and RANDOM only; of this setting, regions alone count';
    findings.push({ path: [...at, 'zoneAwareLbSetting'], message, severity: 'warning' });
  }
  const warms = loadBalancer.warmup !== undefined || loadBalancer.warmupDurationSecs !== undefined;
  if (warms && (loadBalancer.consistentHash !== undefined || loadBalancer.simple === 'RANDOM' || loadBalancer.simple === 'PASSTHROUGH')) {
    findings.push({ path: at, message: 'new endpoints warm up with ROUND_ROBIN and LEAST_REQUEST only', severity: 'warning' });
  }
  if (loadBalancer.simple === 'LEAST_CONN') {
    findings.push({
      path: [...at, 'simple'],
      message: 'LEAST_CONN is deprecated; it means LEAST_REQUEST',
      fix: 'Write LEAST_REQUEST.',
      severity: 'warning',
    });
  }
  return findings;
}

function hashRules(hash: LoadBalancerSettings['consistentHash'], at: At): Finding[] {
  const findings: Finding[] = [];
  if (hash?.minimumRingSize !== undefined && (hash.ringHash !== undefined || hash.maglev !== undefined)) {
    findings.push({ path: [...at, 'minimumRingSize'], message: 'minimumRingSize has no place beside ringHash or maglev' });
  }
  findings.push(...cookieRules(hash?.httpCookie, [...at, 'httpCookie']));
  const size = hash?.maglev?.tableSize;
  if (size !== undefined && (size >= 5_000_011 || !isPrime(size)))
    findings.push({ path: [...at, 'maglev', 'tableSize'], message: `${size} is not a prime below 5000011` });
  return findings;
}

function cookieRules(cookie: NonNullable<LoadBalancerSettings['consistentHash']>['httpCookie'], at: At): Finding[] {
  if (cookie?.attributes === undefined || cookie.ttl !== undefined) return [];
  const message = 'without ttl the cookie is only read, never made: attributes have no effect';
  return [{ path: [...at, 'attributes'], message, severity: 'warning' }];
}

function localityRules(locality: LoadBalancerSettings['localityLbSetting'], at: At): Finding[] {
  const findings: Finding[] = [];
  const sources = new Set<string>();
  locality?.distribute?.forEach((entry, index) => {
    const path = [...at, 'distribute', index];
    const sum = Object.values(entry.to ?? {}).reduce((total, weight) => total + weight, 0);
    if (sum !== 100) findings.push({ path: [...path, 'to'], message: `the weights sum to ${sum}, not 100` });
    const source = entry.from ?? '';
    if (sources.has(source)) findings.push({ path, message: `the traffic of "${source}" is distributed twice` });
    sources.add(source);
  });
  return [...findings, ...failoverRules(locality?.failover, at)];
}

function failoverRules(failover: NonNullable<LoadBalancerSettings['localityLbSetting']>['failover'], at: At): Finding[] {
  const findings: Finding[] = [];
  failover?.forEach((entry, index) => {
    const path = [...at, 'failover', index];
    if (entry.from === entry.to) findings.push({ path, message: `"${entry.from ?? ''}" fails over to itself` });
    if ((entry.from ?? '').includes('/') || (entry.to ?? '').includes('/'))
      findings.push({ path, message: 'failover is between regions, not zones' });
  });
  return findings;
}

function tlsRules(tls: ClientTlsSettings, at: At): Finding[] {
  const findings = [...idleTlsFields(tls, at)];
  if (tls.mode === 'ISTIO_MUTUAL') {
    for (const field of CERTIFICATE_FIELDS) {
      if (tls[field] !== undefined)
        findings.push({ path: [...at, field], message: `${field} has no place with ISTIO_MUTUAL: the mesh makes the certificates` });
    }
  }
  return tls.mode === 'SIMPLE' || tls.mode === 'MUTUAL' ? [...findings, ...originationRules(tls, at)] : findings;
}

/** Of TLS towards servers that are not of the mesh. */
function originationRules(tls: ClientTlsSettings, at: At): Finding[] {
  const findings: Finding[] = [];
  if (tls.mode === 'MUTUAL' && tls.credentialName === undefined && ((tls.clientCertificate ?? '') === '' || (tls.privateKey ?? '') === ''))
    findings.push({ path: at, message: 'MUTUAL needs credentialName, or clientCertificate and privateKey' });
  const files = [tls.clientCertificate, tls.privateKey, tls.caCertificates];
  if (tls.credentialName !== undefined && files.some((file) => file !== undefined))
    findings.push({ path: [...at, 'credentialName'], message: 'credentialName has no place beside paths of certificates' });
  if (tls.caCrl !== undefined && tls.caCertificates === undefined)
    findings.push({ path: [...at, 'caCrl'], message: 'caCrl needs caCertificates beside it' });
  return findings;
}

const SERVER_FIELDS = ['sni', 'subjectAltNames', 'insecureSkipVerify'] as const;

const IDLE: Readonly<Record<NonNullable<ClientTlsSettings['mode']>, readonly (keyof ClientTlsSettings)[]>> = {
  DISABLE: [...CERTIFICATE_FIELDS, ...SERVER_FIELDS],
  SIMPLE: ['clientCertificate', 'privateKey'],
  MUTUAL: [],
  ISTIO_MUTUAL: [],
};

/** Fields that the mode does not look at. */
function idleTlsFields(tls: ClientTlsSettings, at: At): Finding[] {
  const mode = tls.mode ?? 'DISABLE';
  const findings: Finding[] = IDLE[mode]
    .filter((field) => tls[field] !== undefined)
    .map((field) => ({ path: [...at, field], message: `${field} has no effect with ${mode}`, severity: 'warning' }));
  return tls.insecureSkipVerify === true ? [...findings, ...uncheckedRules(tls, [...at, 'insecureSkipVerify'])] : findings;
}

function uncheckedRules(tls: ClientTlsSettings, path: At): Finding[] {
  if (tls.mode === 'ISTIO_MUTUAL') return [{ path, message: 'insecureSkipVerify has no place with ISTIO_MUTUAL: the mesh checks identities' }];
  if (tls.caCertificates === undefined && tls.subjectAltNames === undefined) return [];
  const message = 'with insecureSkipVerify nothing of the server is checked: caCertificates and subjectAltNames have no effect';
  return [{ path, message, severity: 'warning' }];
}

function isPrime(value: number): boolean {
  if (value < 2) return false;
  for (let divisor = 2; divisor * divisor <= value; divisor += 1) if (value % divisor === 0) return false;
  return true;
}
