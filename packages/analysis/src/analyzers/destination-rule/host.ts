import { resolveHost } from '@meltemi/match';
import { defineAnalyzer, namesOf, type AnalysisFinding } from '../../analyzer.ts';
import { groupBy, serviceLookup } from '../../lookup.ts';

/** The host of a DestinationRule must be a service, and each subset of it should be defined once. */
export const host = defineAnalyzer({
  name: 'destination-rule/host',
  codes: ['KIA0202', 'KIA0201'],
  reads: ['DestinationRule', 'services', 'mesh'],
  analyze(context) {
    const lookup = serviceLookup(context);
    const { domainSuffix, outboundTrafficPolicy } = context.mesh();
    const findings: AnalysisFinding[] = [];
    for (const config of context.subjects('DestinationRule')) {
      const { host: written } = config.spec;
      const { namespace } = config.meta;
      if (written.startsWith('*') || lookup.find(written, namespace) !== undefined) continue;
      const fix = lookup.suggest(written, namespace);
      const severity = outboundTrafficPolicy !== 'REGISTRY_ONLY' ? ('warning' as const) : ('error' as const);
      findings.push({
        code: 'KIA0202',
        severity,
        config,
        path: 'spec.host',
        message: `"${written}" is not known: no Service and no ServiceEntry has it, so the rule does nothing`,
        fix,
      });
    }
    const parts = context.configs('DestinationRule').flatMap((config) => {
      const full = resolveHost(config.spec.host, config.meta.namespace, domainSuffix);
      const subsets = config.spec.subsets ?? [];
      const place = { config, full };
      return subsets.length === 0
        ? [{ ...place, subset: '', path: 'spec.host' }]
        : subsets.map((subset, index) => ({ ...place, subset: subset.name, path: `spec.subsets[${index}]` }));
    });
    for (const group of groupBy(parts, (part) => `${part.config.meta.namespace} ${part.full} ${part.subset}`).values()) {
      for (const { config, full, subset, path } of group) {
        const others = group.filter((part) => part.config !== config).map((part) => part.config);
        if (others.length > 0)
          findings.push({
            code: 'KIA0201',
            config,
            path,
            message: `"${full}"${subset === '' ? '' : `, subset "${subset}",`} has another DestinationRule: ${namesOf(others)}; the oldest wins`,
            fix: { text: 'Put the subsets and policies into one DestinationRule.' },
          });
      }
    }
    return findings;
  },
});
