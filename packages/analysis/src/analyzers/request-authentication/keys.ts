import { keySourceOf } from '@meltemi/model';
import { defineAnalyzer, type AnalysisFinding } from '../../analyzer.ts';

/** Without the keys of its issuer no token is good. */
export const keys = defineAnalyzer({
  name: 'request-authentication/keys',
  codes: ['MEL0211'],
  reads: ['RequestAuthentication', 'keySets'],
  analyze(context) {
    const keySets = context.keySets();
    return context.subjects('RequestAuthentication').flatMap((config) =>
      (config.spec.jwtRules ?? []).flatMap((rule, index): readonly AnalysisFinding[] => {
        const source = keySourceOf(rule);
        const known = source === undefined ? undefined : keySets.get(source.id);
        if (known?.fault === undefined) return [];
        const rest = known.jwks === undefined ? 'every token of this issuer is refused' : 'the keys of the last time are in force';
        return [
          {
            code: 'MEL0211',
            config,
            path: `spec.jwtRules[${index}].${rule.jwksUri === undefined ? 'issuer' : 'jwksUri'}`,
            message: `the keys cannot be fetched: ${known.fault}; ${rest}`,
            fix: { text: 'Correct the address; or write the keys themselves under jwks.' },
            severity: known.jwks === undefined ? 'error' : 'warning',
          },
        ];
      }),
    );
  },
});
