import type { HttpMatchRequest } from '@meltemi/api';
import { defineAnalyzer, type AnalysisFinding } from '../../analyzer.ts';

/** Routes behind one that takes everything are never used. */
export const unreachable = defineAnalyzer({
  name: 'virtual-service/unreachable',
  codes: ['IST0130'],
  reads: ['VirtualService'],
  analyze(context) {
    const findings: AnalysisFinding[] = [];
    for (const config of context.subjects('VirtualService')) {
      for (const protocol of ['http', 'tcp'] as const) {
        const rules: readonly { readonly match?: readonly object[]; readonly name?: string }[] = config.spec[protocol] ?? [];
        const all = rules.findIndex((rule) => rule.match === undefined || rule.match.length === 0 || rule.match.some(isCatchAll));
        if (all < 0) continue;
        for (let index = all + 1; index < rules.length; index += 1) {
          findings.push({
            code: 'IST0130',
            config,
            path: `spec.${protocol}[${index}]`,
            message: `this route is never used: ${protocol}[${all}] takes everything before it`,
            fix: { text: 'Move the route that matches everything to the end.' },
          });
        }
      }
    }
    return findings;
  },
});

/** A match that every request fulfils: nothing but a URI prefix `/` or regular expression `.*`. */
function isCatchAll(match: HttpMatchRequest): boolean {
  const fields = Object.keys(match).filter((field) => field !== 'name' && field !== 'ignoreUriCase');
  if (fields.length === 0) return true;
  return fields.length === 1 && (match.uri?.prefix === '/' || match.uri?.regex === '.*' || match.uri?.regex === '*');
}
