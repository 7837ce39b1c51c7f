import { labelsMatch } from '@meltemi/match';
import type { Labels } from '@meltemi/model';
import { resolveHost } from '@meltemi/match';
import { defineAnalyzer, type AnalysisContext, type AnalysisFinding } from '../../analyzer.ts';
import { destinationsOf, serviceLookup, workloadsOf } from '../../lookup.ts';

/**
 * The labels of a subset must pick workloads. A service without any running workload is left out: then nothing can be said about
 * labels.
 */
export const subsetLabels = defineAnalyzer({
  name: 'destination-rule/subset-labels',
  codes: ['KIA0203', 'KIA0209'],
  reads: ['DestinationRule', 'VirtualService', 'services', 'workloads', 'mesh'],
  analyze(context) {
    const lookup = serviceLookup(context);
    const used = usedSubsets(context);
    const domain = context.mesh().domainSuffix;
    const findings: AnalysisFinding[] = [];
    for (const config of context.subjects('DestinationRule')) {
      const { namespace } = config.meta;
      const service = lookup.find(config.spec.host, namespace);
      if (service === undefined || config.spec.host.startsWith('*')) continue;
      const labels: readonly Labels[] = [...service.endpoints, ...workloadsOf(service, context.workloads())].map((one) => one.labels);
      config.spec.subsets?.forEach((subset, index) => {
        const path = `spec.subsets[${index}]`;
        const wanted = subset.labels ?? {};
        if (Object.keys(wanted).length === 0) {
          findings.push({
            code: 'KIA0209',
            config,
            path,
            message: `the subset "${subset.name}" has no labels: it holds every endpoint of "${config.spec.host}"`,
          });
        } else if (labels.length > 0 && !labels.some((own) => labelsMatch(wanted, own))) {
          const text = Object.entries(wanted)
            .map(([key, value]) => `${key}=${value}`)
            .join(', ');
          const isUsed = used.has(`${resolveHost(config.spec.host, namespace, domain)} ${subset.name}`);
          findings.push({
            code: 'KIA0203',
            config,
            path,
            message: `no workload of "${config.spec.host}" has the labels of subset "${subset.name}" (${text})${isUsed ? ': calls to it fail with 503' : ''}`,
            ...(isUsed ? {} : { severity: 'info' as const }),
          });
        }
      });
    }
    return findings;
  },
});

function usedSubsets(context: AnalysisContext): ReadonlySet<string> {
  const domain = context.mesh().domainSuffix;
  const used = new Set<string>();
  for (const config of context.configs('VirtualService')) {
    for (const { host, subset } of destinationsOf(config))
      if (subset !== undefined) used.add(`${resolveHost(host, config.meta.namespace, domain)} ${subset}`);
  }
  return used;
}
