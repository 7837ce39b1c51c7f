import type { DnsStats } from '@meltemi/dns';
import { createMetricRegistry, writeExposition } from '@meltemi/telemetry/recording';

/** What an agent knows of itself. */
export interface AgentFacts {
  readonly certificateNotAfterMs: number | undefined;
  readonly renewalFailures: number;
  readonly controlPlaneConnected: boolean;
  readonly proxyStarts: number;
  readonly dns: Readonly<DnsStats> | undefined;
}

const DNS_QUESTIONS = 'meltemi_agent_dns_questions_total';

/** The agent's own metrics as Prometheus text, served beside the proxy's and the application's. */
export function agentMetrics(facts: AgentFacts): string {
  const registry = createMetricRegistry();
  const add = (kind: 'gauge' | 'counter', name: string, help: string, value: number): void => {
    registry.describe(name, help);
    registry[kind](name, {}, 0).value = value;
  };
  if (facts.certificateNotAfterMs !== undefined)
    add('gauge', 'meltemi_agent_certificate_expiry_timestamp_seconds', 'When the workload certificate ends.', facts.certificateNotAfterMs / 1000);
  add('gauge', 'meltemi_agent_certificate_renewal_failures', 'Failed renewals in a row.', facts.renewalFailures);
  add('gauge', 'meltemi_agent_control_plane_connected', 'Whether the discovery stream is up.', facts.controlPlaneConnected ? 1 : 0);
  add('counter', 'meltemi_agent_proxy_starts_total', 'How often the proxy was started.', facts.proxyStarts);
  if (facts.dns !== undefined) registry.describe(DNS_QUESTIONS, 'DNS questions by what became of them.');
  for (const [result, value] of Object.entries(facts.dns ?? {})) registry.counter(DNS_QUESTIONS, { result }, 0).value = value;
  return writeExposition(registry, 0);
}
