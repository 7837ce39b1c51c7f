import { labelsMatch } from '@meltemi/match';
import { defineAnalyzer, namesOf, type AnalysisFinding } from '../../analyzer.ts';
import { groupBy } from '../../lookup.ts';

/** Of several policies on one level, only the oldest is in force. */
export const conflicts = defineAnalyzer({
  name: 'peer-authentication/conflicts',
  codes: ['KIA0002', 'KIA0003', 'KIA0004'],
  reads: ['PeerAuthentication', 'workloads'],
  analyze(context) {
    const findings: AnalysisFinding[] = [];
    const policies = context.configs('PeerAuthentication').map((config) => ({ config, labels: config.spec.selector?.matchLabels ?? {} }));
    for (const [namespace, all] of groupBy(policies, (policy) => policy.config.meta.namespace)) {
      const general = all.filter((policy) => Object.keys(policy.labels).length === 0);
      for (const { config } of general) {
        const others = general.filter((policy) => policy.config !== config).map((policy) => policy.config);
        if (others.length > 0)
          findings.push({
            code: 'KIA0002',
            config,
            path: 'spec.selector',
            message: `the namespace "${namespace}" has another policy without a selector: ${namesOf(others)}; only the oldest is in force`,
            fix: { text: 'Keep one of them.' },
          });
      }
      const workloads = context.workloads().filter((workload) => workload.namespace === namespace);
      const special = all.filter((policy) => Object.keys(policy.labels).length > 0);
      for (const { config, labels } of special) {
        const own = workloads.filter((workload) => labelsMatch(labels, workload.labels));
        if (own.length === 0) {
          const text = Object.entries(labels)
            .map(([key, value]) => `${key}=${value}`)
            .join(', ');
          findings.push({
            code: 'KIA0004',
            config,
            path: 'spec.selector.matchLabels',
            message: `no workload of the namespace "${namespace}" has the labels ${text}`,
            fix: { text: 'Correct the labels of selector.matchLabels; "meltemi proxy-status" lists the workloads.' },
          });
        }
        const rivals = special
          .filter((other) => other.config !== config && own.some((workload) => labelsMatch(other.labels, workload.labels)))
          .map((other) => other.config);
        if (rivals.length > 0)
          findings.push({
            code: 'KIA0003',
            config,
            path: 'spec.selector',
            message: `${own[0]?.name ?? ''} is selected by another policy too: ${namesOf(rivals)}; only the oldest is in force`,
            fix: { text: 'Keep one of them, or make their selectors different.' },
          });
      }
    }
    return findings;
  },
});
