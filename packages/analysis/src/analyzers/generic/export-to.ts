import { nearest, type Config } from '@meltemi/api';
import { defineAnalyzer, type AnalysisFinding } from '../../analyzer.ts';

/** Namespaces in `exportTo` must be there: as a Namespace object, or because something is in them. */
export const exportTo = defineAnalyzer({
  name: 'generic/export-to',
  codes: ['KIA0005'],
  reads: ['VirtualService', 'DestinationRule', 'ServiceEntry', 'Namespace', 'services', 'workloads'],
  analyze(context) {
    const known = new Set<string>([
      ...context.configs('Namespace').map((config) => config.meta.name),
      ...context.services().map((service) => service.namespace),
      ...context.workloads().map((workload) => workload.namespace),
    ]);
    const configs: readonly Config<{ readonly exportTo?: readonly string[] }>[] = [
      ...context.subjects('VirtualService'),
      ...context.subjects('DestinationRule'),
      ...context.subjects('ServiceEntry'),
    ];
    const findings: AnalysisFinding[] = [];
    for (const config of configs) {
      config.spec.exportTo?.forEach((entry, index) => {
        if (['.', '*', '~'].includes(entry) || entry === config.meta.namespace || known.has(entry)) return;
        const near = nearest(entry, known);
        findings.push({
          code: 'KIA0005',
          config,
          path: `spec.exportTo[${index}]`,
          message: `there is no namespace "${entry}"`,
          ...(near === undefined ? {} : { fix: { text: `Did you mean "${near}"?` } }),
        });
      });
    }
    return findings;
  },
});
