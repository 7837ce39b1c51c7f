import { compareByAge, type Config, type Gateway } from '@meltemi/api';
import { labelsMatch } from '@meltemi/match';
import { defineAnalyzer, nameOf, type AnalysisFinding } from '../../analyzer.ts';

const SPOKEN: Readonly<Record<string, string>> = { HTTPS: 'TLS', TLS: 'TLS', TCP: 'TCP', MONGO: 'TCP' };

/** One port of a workload speaks one of plain HTTP, TLS and TCP: as the oldest Gateway says. */
export const portProtocol = defineAnalyzer({
  name: 'gateway/port-protocol',
  codes: ['MEL0205'],
  reads: ['Gateway', 'workloads'],
  analyze(context) {
    const gateways = context
      .configs('Gateway')
      .filter(({ spec }) => Object.keys(spec.selector ?? {}).length > 0)
      .sort(compareByAge);
    const findings = new Map<string, AnalysisFinding>();
    if (gateways.length === 0) return [];
    for (const { labels } of context.workloads()) {
      const serving = gateways.filter(({ spec }) => labelsMatch(spec.selector ?? {}, labels));
      for (const [path, finding] of conflictsOf(serving)) findings.set(path, finding);
    }
    return [...findings.values()];
  },
});

function conflictsOf(gateways: readonly Config<Gateway>[]): ReadonlyMap<string, AnalysisFinding> {
  const ports = new Map<string, { readonly config: Config; readonly spoken: string }>();
  const findings = new Map<string, AnalysisFinding>();
  for (const config of gateways) {
    for (const [index, { port, bind = '' }] of config.spec.servers.entries()) {
      const spoken = SPOKEN[port.protocol.toUpperCase()] ?? 'plain HTTP';
      const first = ports.get(`${bind}:${port.number}`);
      if (first === undefined) ports.set(`${bind}:${port.number}`, { config, spoken });
      else if (first.spoken !== spoken) {
        const path = `spec.servers[${index}].port.protocol`;
        findings.set(`${config.meta.namespace}/${config.meta.name} ${path}`, {
          code: 'MEL0205',
          config,
          path,
          message: `port ${port.number} speaks ${first.spoken} by ${nameOf(first.config)}: a server that speaks ${spoken} is left out`,
          fix: { text: 'Give one of them another port.' },
        });
      }
    }
  }
  return findings;
}
