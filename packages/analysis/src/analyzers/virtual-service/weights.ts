import { defineAnalyzer, type AnalysisFinding } from '../../analyzer.ts';

/** Weights that do not do what they look like. */
export const weights = defineAnalyzer({
  name: 'virtual-service/weights',
  codes: ['KIA1104', 'KIA1105'],
  reads: ['VirtualService'],
  analyze(context) {
    const findings: AnalysisFinding[] = [];
    for (const config of context.subjects('VirtualService')) {
      for (const protocol of ['http', 'tls', 'tcp'] as const) {
        config.spec[protocol]?.forEach((rule, index) => {
          const path = `spec.${protocol}[${index}].route`;
          const [only] = rule.route ?? [];
          if (rule.route?.length === 1 && only?.weight !== undefined && only.weight > 0 && only.weight < 100) {
            findings.push({
              code: 'KIA1104',
              config,
              path: `${path}[0].weight`,
              message: `a single destination takes all traffic, whatever its weight (${only.weight})`,
              fix: { text: 'Remove weight, or add the other destinations.' },
            });
          }
          const seen = new Set<string>();
          rule.route?.forEach(({ destination }, at) => {
            const key = `${destination.host} ${destination.subset ?? ''} ${destination.port?.number ?? ''}`;
            if (seen.has(key))
              findings.push({
                code: 'KIA1105',
                config,
                path: `${path}[${at}].destination`,
                message: `"${destination.host}"${destination.subset === undefined ? '' : `, subset "${destination.subset}",`} is a destination of this route already`,
                fix: { text: 'Remove one of the two, and add up their weights.' },
              });
            seen.add(key);
          });
        });
      }
    }
    return findings;
  },
});
