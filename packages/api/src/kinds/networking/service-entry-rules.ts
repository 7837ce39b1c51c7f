import type { Finding } from '../../kind.ts';
import { addressForm, endpointRules } from './endpoint-rules.ts';
import type { ServiceEntry } from './service-entry.ts';

// Protocols that carry the name of the host.
const BY_NAME = new Set(['HTTP', 'HTTPS', 'HTTP2', 'HTTP_PROXY', 'GRPC', 'GRPC-WEB', 'TLS']);

/** Istio's rules across the fields of a ServiceEntry. */
export function validateServiceEntry(spec: ServiceEntry): Finding[] {
  const findings: Finding[] = [...portRules(spec), ...addressRules(spec), ...resolutionRules(spec)];
  spec.endpoints?.forEach((endpoint, index) => findings.push(...endpointRules(endpoint, ['endpoints', index]), ...endpointPortRules(spec, index)));
  if (spec.workloadSelector !== undefined && (spec.endpoints?.length ?? 0) > 0) {
    findings.push({ path: ['workloadSelector'], message: 'only one of endpoints and workloadSelector may be set' });
  }
  const special = spec.exportTo?.find((entry) => entry === '*' || entry === '~');
  if (special !== undefined && (spec.exportTo?.length ?? 0) > 1)
    findings.push({ path: ['exportTo'], message: `"${special}" cannot stand beside other namespaces` });
  return findings;
}

function portRules(spec: ServiceEntry): Finding[] {
  const findings: Finding[] = [];
  const ports = spec.ports ?? [];
  if (ports.length === 0) findings.push({ path: [], message: 'a ServiceEntry needs at least one port' });
  const opaque = ports.findIndex((port) => !BY_NAME.has((port.protocol ?? 'TCP').toUpperCase()));
  if (spec.hosts.length > 1 && opaque >= 0) {
    findings.push({
      path: ['ports', opaque, 'protocol'],
      message: `with several hosts, every port must be HTTP or TLS: on ${(ports[opaque]?.protocol ?? 'TCP').toUpperCase()}, calls to them cannot be told apart`,
      fix: 'Write one ServiceEntry for each host.',
    });
  }
  ports.forEach((port, index) => {
    if (ports.findIndex((other) => other.name === port.name) < index)
      findings.push({ path: ['ports', index, 'name'], message: `the port name "${port.name}" is used twice` });
    if (ports.findIndex((other) => other.number === port.number) < index)
      findings.push({ path: ['ports', index, 'number'], message: `port ${port.number} is listed twice` });
    if (port.targetPort !== undefined && spec.resolution === 'NONE' && port.targetPort !== port.number) {
      findings.push({
        path: ['ports', index, 'targetPort'],
        message: 'targetPort has no effect with resolution NONE: the call goes to the address and port it was made to',
      });
    }
  });
  return findings;
}

function addressRules(spec: ServiceEntry): Finding[] {
  const cidr = spec.addresses?.findIndex((address) => address.includes('/')) ?? -1;
  if (cidr >= 0 && spec.resolution !== 'NONE' && spec.resolution !== 'STATIC') {
    return [{ path: ['addresses', cidr], message: `an address range needs resolution NONE or STATIC, not ${spec.resolution}` }];
  }
  return [];
}

function resolutionRules(spec: ServiceEntry): readonly Finding[] {
  switch (spec.resolution) {
    case 'NONE':
      return (spec.endpoints?.length ?? 0) > 0
        ? [
            {
              path: ['resolution'],
              message: 'resolution NONE (the default) takes no endpoints',
              fix: 'Write resolution: STATIC for IP addresses, DNS for names.',
            },
          ]
        : [];
    case 'STATIC':
      return staticRules(spec);
    case 'DNS':
    case 'DNS_ROUND_ROBIN':
      return dnsRules(spec);
    case 'DYNAMIC_DNS':
      return dynamicRules(spec);
  }
}

function staticRules(spec: ServiceEntry): readonly Finding[] {
  const endpoints = spec.endpoints ?? [];
  const named = endpoints.findIndex((endpoint) => addressForm(endpoint.address) === 'dns');
  if (named >= 0)
    return [
      {
        path: ['endpoints', named, 'address'],
        message: `"${endpoints[named]?.address ?? ''}" is a name; resolution STATIC needs IP addresses`,
        fix: 'Write resolution: DNS.',
      },
    ];
  if (endpoints.length > 0 || spec.workloadSelector !== undefined) return [];
  return [
    { path: ['resolution'], message: 'resolution STATIC without endpoints and workloadSelector: no call can be answered', severity: 'warning' },
  ];
}

function dnsRules(spec: ServiceEntry): readonly Finding[] {
  const endpoints = spec.endpoints ?? [];
  const wildcard = spec.hosts.find((host) => host.startsWith('*'));
  const findings: Finding[] = [];
  if (endpoints.length === 0 && wildcard !== undefined)
    findings.push({ path: ['resolution'], message: `"${wildcard}" cannot be resolved by DNS: name endpoints, or hosts without a wildcard` });
  if (endpoints.some((endpoint) => addressForm(endpoint.address) === 'unix'))
    findings.push({ path: ['resolution'], message: 'a Unix socket needs resolution STATIC' });
  if (spec.resolution === 'DNS_ROUND_ROBIN' && endpoints.length > 1)
    findings.push({ path: ['endpoints'], message: 'DNS_ROUND_ROBIN takes at most one endpoint' });
  return findings;
}

function dynamicRules(spec: ServiceEntry): Finding[] {
  const findings: Finding[] = [
    {
      path: ['resolution'],
      message: 'sidecars go on to the address that was called, which the application looked up; a gateway cannot: it is called at its own address',
      severity: 'warning',
    },
  ];
  if (spec.hosts.some((host) => !host.startsWith('*'))) findings.push({ path: ['hosts'], message: 'DYNAMIC_DNS is for wildcard hosts' });
  if ((spec.endpoints?.length ?? 0) > 0 || (spec.addresses?.length ?? 0) > 0)
    findings.push({ path: ['resolution'], message: 'DYNAMIC_DNS takes neither endpoints nor addresses' });
  spec.ports?.forEach((port, index) => {
    if (!['HTTP', 'HTTP2', 'GRPC', 'TLS'].includes((port.protocol ?? '').toUpperCase()))
      findings.push({ path: ['ports', index, 'protocol'], message: 'DYNAMIC_DNS needs HTTP, HTTP2, GRPC or TLS' });
  });
  return findings;
}

function endpointPortRules(spec: ServiceEntry, index: number): Finding[] {
  const endpoint = spec.endpoints?.[index];
  const names = new Set(spec.ports?.map((port) => port.name));
  const findings: Finding[] = Object.keys(endpoint?.ports ?? {})
    .filter((name) => !names.has(name))
    .map((name) => ({
      path: ['endpoints', index, 'ports', name],
      message: `"${name}" is not a port of this ServiceEntry (${[...names].join(', ')})`,
    }));
  if (addressForm(endpoint?.address) === 'unix' && (spec.ports?.length ?? 0) !== 1)
    findings.push({ path: ['endpoints', index, 'address'], message: 'a Unix socket needs exactly one port' });
  return findings;
}
