import type { Finding } from '../../kind.ts';
import { addressFault } from '../../schema/formats.ts';
import { certificateRules } from './gateway-rules.ts';
import { sidecarPortFault } from './proxy-ports.ts';
import type { Sidecar, SidecarEgress, SidecarIngress } from './sidecar.ts';

type Path = readonly (string | number)[];

const ENDPOINT = /^(?:(?:127\.0\.0\.1|0\.0\.0\.0|\[::1?\]):([1-9]\d{0,4})|unix:\/\/[/@].+)$/;

/** Istio's rules across the fields of a Sidecar. */
export function validateSidecar(spec: Sidecar): Finding[] {
  const says = [spec.ingress, spec.egress, spec.inboundConnectionPool, spec.outboundTrafficPolicy].some((part) => part !== undefined);
  const findings: Finding[] = says ? [] : [{ path: [], message: 'a Sidecar without ingress, egress and outboundTrafficPolicy says nothing' }];
  const ingress = spec.ingress ?? [];
  if (ingress.length > 0 && Object.keys(spec.workloadSelector?.labels ?? {}).length === 0)
    findings.push({
      path: ['ingress'],
      message: 'ports belong to workloads: ingress needs a workloadSelector, or all workloads of the namespace get these ports',
      severity: 'warning',
    });
  return [...findings, ...ingressRules(ingress), ...egressRules(spec.egress ?? []), ...policyRules(spec.outboundTrafficPolicy)];
}

function policyRules(policy: Sidecar['outboundTrafficPolicy']): Finding[] {
  if (policy?.egressProxy === undefined) return [];
  const at: Path = ['outboundTrafficPolicy', 'egressProxy'];
  return [
    ...(policy.mode === 'ALLOW_ANY' ? [] : [{ path: at, message: 'an egressProxy needs mode: ALLOW_ANY' }]),
    ...(policy.egressProxy.port === undefined ? [{ path: at, message: 'an egressProxy needs a port' }] : []),
  ];
}

function ingressRules(listeners: readonly SidecarIngress[]): Finding[] {
  const findings: Finding[] = [];
  const seen = new Set<number>();
  listeners.forEach((listener, index) => {
    const at: Path = ['ingress', index];
    const number = listener.port.number ?? 0;
    const fault = ingressPortFault(number, seen);
    seen.add(number);
    if (fault !== undefined) findings.push({ path: [...at, 'port', 'number'], message: fault });
    if (listener.port.protocol === undefined) findings.push({ path: [...at, 'port', 'protocol'], message: 'is required' });
    const endpoint = listener.defaultEndpoint;
    const match = endpoint === undefined || endpoint === '' ? null : ENDPOINT.exec(endpoint);
    if (endpoint !== undefined && endpoint !== '' && (match === null || Number(match[1] ?? 1) > 65_535))
      findings.push({ path: [...at, 'defaultEndpoint'], message: `"${endpoint}" is none of 127.0.0.1:PORT, 0.0.0.0:PORT, unix:///path` });
    findings.push(...bindRules(listener.bind, at), ...ingressTlsRules(listener, at));
  });
  return findings;
}

function ingressPortFault(number: number, before: ReadonlySet<number>): string | undefined {
  if (number === 0) return 'is required: a port from 1 to 65535';
  return before.has(number) ? `port ${number} is listed twice` : sidecarPortFault(number);
}

function ingressTlsRules({ tls, port }: SidecarIngress, at: Path): Finding[] {
  if (tls === undefined || port.protocol === undefined) return [];
  const protocol = port.protocol.toUpperCase();
  const path = [...at, 'tls'];
  if (protocol !== 'HTTPS' && protocol !== 'TLS') return [{ path, message: `a port of protocol ${protocol} takes no tls; write HTTPS or TLS` }];
  return certificateRules(tls, path);
}

function egressRules(listeners: readonly SidecarEgress[]): Finding[] {
  const findings: Finding[] = [];
  const seen = new Set<number>();
  listeners.forEach((listener, index) => {
    const at: Path = ['egress', index];
    if (listener.port === undefined) {
      if (index < listeners.length - 1)
        findings.push({ path: at, message: 'the entry without a port is for all others: it must be the last, and the only one' });
      if ((listener.bind ?? '') !== '') findings.push({ path: [...at, 'bind'], message: 'an address needs a port' });
      return;
    }
    const number = listener.port.number ?? 0;
    if (number === 0) findings.push({ path: [...at, 'port', 'number'], message: 'is required: a port from 1 to 65535' });
    if (listener.port.protocol === undefined) findings.push({ path: [...at, 'port', 'protocol'], message: 'is required' });
    if (seen.has(number)) findings.push({ path: [...at, 'port', 'number'], message: `port ${number} is listed twice` });
    seen.add(number);
    findings.push(...bindRules(listener.bind, at));
  });
  return findings;
}

function bindRules(bind: string | undefined, at: Path): Finding[] {
  if (bind === undefined || bind === '') return [];
  if (bind.startsWith('unix://')) return [{ path: [...at, 'bind'], message: 'proxies listen on IP addresses, not on Unix sockets' }];
  const fault = addressFault(bind, { cidr: false });
  return fault === undefined ? [] : [{ path: [...at, 'bind'], message: fault }];
}
