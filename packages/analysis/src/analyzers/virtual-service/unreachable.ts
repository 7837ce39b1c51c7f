import type { Config, HttpMatchRequest, VirtualService } from '@meltemi/api';
import { defineAnalyzer, type AnalysisFinding } from '../../analyzer.ts';

interface Rule {
  readonly match?: readonly (object & { readonly name?: string })[];
  /** What its delegate has no rule for goes past it. */
  readonly delegate?: object;
}

/** Routes behind one that takes everything are never used, nor are those that match what earlier ones do. */
export const unreachable = defineAnalyzer({
  name: 'virtual-service/unreachable',
  codes: ['IST0130', 'IST0131'],
  reads: ['VirtualService'],
  analyze(context) {
    const findings: AnalysisFinding[] = [];
    for (const config of context.subjects('VirtualService')) {
      for (const protocol of ['http', 'tls', 'tcp'] as const) {
        const rules: readonly Rule[] = config.spec[protocol] ?? [];
        const all = rules.findIndex(takesEverything);
        findings.push(...repeated(config, protocol, all < 0 ? rules : rules.slice(0, all)));
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

function takesEverything({ match, delegate }: Rule): boolean {
  return delegate === undefined && (match === undefined || match.length === 0 || match.some(isCatchAll));
}

/** Matches that are those of earlier rules, word for word. */
function repeated(config: Config<VirtualService>, protocol: 'http' | 'tls' | 'tcp', rules: readonly Rule[]): readonly AnalysisFinding[] {
  const seen = new Map<string, number>();
  return rules.flatMap((rule, index): readonly AnalysisFinding[] => {
    const places = (rule.match ?? []).map((match) => ({ text: wordsOf(match), earlier: seen.get(wordsOf(match)) }));
    for (const { text } of places) if (rule.delegate === undefined && !seen.has(text)) seen.set(text, index);
    const again = places.flatMap(({ earlier }, at) => (earlier === undefined ? [] : [{ at, earlier }]));
    const [first] = again;
    if (first !== undefined && again.length === places.length)
      return [
        {
          code: 'IST0130',
          config,
          path: `spec.${protocol}[${index}]`,
          message: `this route is never used: ${protocol}[${first.earlier}] takes what it matches`,
        },
      ];
    return again.map(({ at, earlier }) => ({
      code: 'IST0131',
      config,
      path: `spec.${protocol}[${index}].match[${at}]`,
      message: `this match never counts: ${protocol}[${earlier}] has it already`,
    }));
  });
}

/** The same text for matches of the same fields, in whatever order and under whatever name they were written. */
function wordsOf(match: object): string {
  return JSON.stringify({ ...match, name: undefined }, (_, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}

/** A match that every request fulfils: nothing but a URI prefix `/` or regular expression `.*`. */
function isCatchAll(match: HttpMatchRequest): boolean {
  const fields = Object.keys(match).filter((field) => field !== 'name' && field !== 'ignoreUriCase');
  if (fields.length === 0) return true;
  return fields.length === 1 && (match.uri?.prefix === '/' || match.uri?.regex === '.*' || match.uri?.regex === '*');
}
