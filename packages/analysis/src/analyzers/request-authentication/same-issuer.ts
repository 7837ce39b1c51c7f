import type { Config, JwtRule, RequestAuthentication } from '@meltemi/api';
import { isPolicyFor, type Workload } from '@meltemi/model';
import { defineAnalyzer, nameOf, type AnalysisFinding } from '../../analyzer.ts';
import { groupBy } from '../../lookup.ts';

interface Placed {
  readonly config: Config<RequestAuthentication>;
  readonly index: number;
  readonly rule: JwtRule;
}

/** Of two rules of one issuer a token needs to be good for one only: what the stricter one says restricts nothing. */
export const sameIssuer = defineAnalyzer({
  name: 'request-authentication/same-issuer',
  codes: ['MEL0213'],
  reads: ['RequestAuthentication', 'workloads', 'mesh'],
  analyze(context) {
    const root = context.mesh().rootNamespace;
    const workloads = context.workloads();
    const subjects = new Set(context.subjects('RequestAuthentication'));
    const rules = context
      .configs('RequestAuthentication')
      .flatMap((config) => (config.spec.jwtRules ?? []).map((rule, index): Placed => ({ config, index, rule })));
    return [...groupBy(rules, ({ rule }) => rule.issuer ?? '')].flatMap(([issuer, all]) =>
      issuer === '' || all.length < 2
        ? []
        : all.filter(({ config }) => subjects.has(config)).flatMap((one) => conflict(one, all, { workloads, root })),
    );
  },
});

function conflict(
  one: Placed,
  all: readonly Placed[],
  mesh: { readonly workloads: readonly Workload[]; readonly root: string },
): readonly AnalysisFinding[] {
  const other = all.find((candidate) => candidate !== one && difference(one.rule, candidate.rule) !== undefined && meet(one, candidate, mesh));
  if (other === undefined) return [];
  const place = other.config === one.config ? `spec.jwtRules[${other.index}]` : `${nameOf(other.config)} spec.jwtRules[${other.index}]`;
  return [
    {
      code: 'MEL0213',
      config: one.config,
      path: `spec.jwtRules[${one.index}].issuer`,
      message: `"${one.rule.issuer ?? ''}" has another rule for the same workload, with other ${difference(one.rule, other.rule) ?? ''}: ${place}; a token that is good for one of them is taken`,
      fix: { text: 'Keep one rule for each issuer.' },
    },
  ];
}

/** What differs that decides whether a token is good. */
function difference(a: JwtRule, b: JwtRule): 'keys' | 'audiences' | undefined {
  if (a.jwks !== b.jwks || a.jwksUri !== b.jwksUri) return 'keys';
  const of = ({ audiences = [] }: JwtRule): string => [...audiences].sort().join('\n');
  return of(a) === of(b) ? undefined : 'audiences';
}

function meet(a: Placed, b: Placed, { workloads, root }: { readonly workloads: readonly Workload[]; readonly root: string }): boolean {
  return a.config === b.config || workloads.some((workload) => isPolicyFor(a.config, workload, root) && isPolicyFor(b.config, workload, root));
}
