import type { DnsStats } from '@meltemi/dns';
import type { MetricFamily } from '@meltemi/telemetry';

/** What an agent knows of itself. */
export interface AgentFacts {
  readonly certificateNotAfterMs: number | undefined;
  readonly renewalFailures: number;
  readonly controlPlaneConnected: boolean;
  readonly proxyStarts: number;
  readonly dns: Readonly<DnsStats> | undefined;
}

/** The agent's own metrics, served beside the proxy's and the application's. */
export function agentMetrics(facts: AgentFacts): readonly MetricFamily[] {
  const family = (name: string, type: 'gauge' | 'counter', help: string, values: readonly (readonly [Readonly<Record<string, string>>, number])[]): MetricFamily => ({
    name,
    type,
    help,
    samples: values.map(([labels, value]) => ({ name, labels, value, timestampMs: undefined })),
  });
  const { dns } = facts;
  return [
    family('meltemi_agent_certificate_expiry_timestamp_seconds', 'gauge', 'When the workload certificate ends.', facts.certificateNotAfterMs === undefined ? [] : [[{}, facts.certificateNotAfterMs / 1000]]),
    family('meltemi_agent_certificate_renewal_failures', 'gauge', 'Failed renewals in a row.', [[{}, facts.renewalFailures]]),
    family('meltemi_agent_control_plane_connected', 'gauge', 'Whether the discovery stream is up.', [[{}, facts.controlPlaneConnected ? 1 : 0]]),
    family('meltemi_agent_proxy_starts_total', 'counter', 'How often the proxy was started.', [[{}, facts.proxyStarts]]),
    family(
      'meltemi_agent_dns_questions_total',
      'counter',
      'DNS questions by what became of them.',
      dns === undefined ? [] : Object.entries(dns).map(([result, value]) => [{ result }, value] as const),
    ),
  ].filter((one) => one.samples.length > 0);
}
