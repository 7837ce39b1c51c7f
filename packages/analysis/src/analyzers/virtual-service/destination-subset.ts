import { nearest } from '@meltemi/api';
import { hostMatches, resolveHost } from '@meltemi/match';
import { defineAnalyzer, type AnalysisFinding } from '../../analyzer.ts';
import { destinationsOf, groupBy } from '../../lookup.ts';

/** Subsets must be defined by a DestinationRule of the host. Calls to another fail with 503 (flag NC). */
export const destinationSubset = defineAnalyzer({
  name: 'virtual-service/destination-subset',
  codes: ['KIA1107'],
  reads: ['VirtualService', 'DestinationRule', 'mesh'],
  analyze(context) {
    const domain = context.mesh().domainSuffix;
    const rules = context.configs('DestinationRule').map((rule) => ({
      host: resolveHost(rule.spec.host, rule.meta.namespace, domain),
      subsets: (rule.spec.subsets ?? []).map((subset) => subset.name),
    }));
    const byHost = groupBy(rules, (rule) => rule.host);
    const wildcards = rules.filter((rule) => rule.host.startsWith('*'));
    const findings: AnalysisFinding[] = [];
    for (const config of context.subjects('VirtualService')) {
      for (const { path, host, subset } of destinationsOf(config)) {
        if (subset === undefined) continue;
        const full = resolveHost(host, config.meta.namespace, domain);
        const covering = wildcards.filter((rule) => rule.host !== full && hostMatches(rule.host, full));
        const known = [...(byHost.get(full) ?? []), ...covering].flatMap((rule) => rule.subsets);
        if (known.includes(subset)) continue;
        const near = nearest(subset, known);
        const message = `subset not found: no DestinationRule of "${host}" defines "${subset}"${known.length === 0 ? '' : `; defined are ${[...new Set(known)].join(', ')}`}`;
        findings.push({
          code: 'KIA1107',
          config,
          path: `${path}.subset`,
          message,
          ...(near === undefined ? {} : { fix: { text: `Did you mean "${near}"?` } }),
        });
      }
    }
    return findings;
  },
});
