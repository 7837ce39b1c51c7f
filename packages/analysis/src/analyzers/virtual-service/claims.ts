import { claimName, type HttpMatchRequest } from '@meltemi/api';
import { defineAnalyzer, type AnalysisFinding } from '../../analyzer.ts';

const MESH = 'mesh';

/** Sidecars read no tokens on calls that go out: routes by claims never match there. */
export const claims = defineAnalyzer({
  name: 'virtual-service/claims',
  codes: ['MEL0210'],
  reads: ['VirtualService'],
  analyze(context) {
    const findings: AnalysisFinding[] = [];
    for (const config of context.subjects('VirtualService')) {
      config.spec.http?.forEach((rule, index) =>
        rule.match?.forEach((match, at) => {
          const name = claimOf(match);
          const gateways = (match.gateways ?? []).length > 0 ? match.gateways : config.spec.gateways;
          if (name === undefined || (gateways !== undefined && gateways.length > 0 && !gateways.includes(MESH))) return;
          findings.push({
            code: 'MEL0210',
            config,
            path: `spec.http[${index}].match[${at}]`,
            message: `"${name}" is known on gateways only: for calls inside the mesh no token has such a claim`,
            fix: { text: 'Name the gateway under gateways of this match.' },
          });
        }),
      );
    }
    return findings;
  },
});

function claimOf({ headers, withoutHeaders }: HttpMatchRequest): string | undefined {
  return Object.keys({ ...headers, ...withoutHeaders }).find((name) => claimName(name).t === 'claim');
}
