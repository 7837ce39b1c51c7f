import { labelsMatch } from '@meltemi/match';
import { defineAnalyzer } from '../../analyzer.ts';

/** A Gateway without a workload opens no port. */
export const selector = defineAnalyzer({
  name: 'gateway/selector',
  codes: ['KIA0302'],
  reads: ['Gateway', 'workloads'],
  analyze(context) {
    return context.subjects('Gateway').flatMap((config) => {
      const wanted = config.spec.selector ?? {};
      if (Object.keys(wanted).length === 0 || context.workloads().some((workload) => labelsMatch(wanted, workload.labels))) return [];
      const text = Object.entries(wanted)
        .map(([key, value]) => `${key}=${value}`)
        .join(', ');
      return [
        {
          code: 'KIA0302' as const,
          config,
          path: 'spec.selector',
          message: `no workload has the labels ${text}: no port is opened`,
          fix: { text: 'Start a gateway with these labels, or correct the selector.' },
        },
      ];
    });
  },
});
