import type { Config, JwtRule, RequestAuthentication } from '@meltemi/api';
import { isPolicyFor, type Workload } from '@meltemi/model';
import { defineAnalyzer, nameOf, type AnalysisFinding } from '../../analyzer.ts';
import { groupBy } from '../../lookup.ts';

type Policy = Config<RequestAuthentication>;

interface Placed {
  /** Place among all rules of the issuer. */
  readonly order: number;
  readonly config: Policy;
  readonly index: number;
  readonly rule: JwtRule;
  /** Equal ones take the same tokens. */
  readonly terms: string;
}

/** Where policies count: the workloads of each namespace; those of the root namespace count everywhere. */
interface Places {
  readonly root: string;
  readonly workloads: readonly Workload[];
  readonly byNamespace: ReadonlyMap<string, readonly Workload[]>;
}

/** Of two rules of one issuer a token needs to be good for one only: what the stricter one says restricts nothing. */
export const sameIssuer = defineAnalyzer({
  name: 'request-authentication/same-issuer',
  codes: ['MEL0213'],
  reads: ['RequestAuthentication', 'workloads', 'mesh'],
  analyze(context) {
    const workloads = context.workloads();
    const places: Places = { root: context.mesh().rootNamespace, workloads, byNamespace: groupBy(workloads, ({ namespace }) => namespace) };
    const subjects = new Set(context.subjects('RequestAuthentication'));
    const rules = context
      .configs('RequestAuthentication')
      .flatMap((config) => (config.spec.jwtRules ?? []).map((rule, index) => ({ config, index, rule })));
    return [...groupBy(rules, ({ rule }) => rule.issuer ?? '')].flatMap(([issuer, all]) => {
      if (issuer === '' || all.length < 2 || !all.some(({ config }) => subjects.has(config))) return [];
      const placed = all.map((one, order): Placed => ({ ...one, order, terms: `${keysOf(one.rule)}\n${audiencesOf(one.rule)}` }));
      const rivals = rivalsOf(placed, places);
      return placed.flatMap((one) => (subjects.has(one.config) ? finding(one, rivals.get(one)) : []));
    });
  },
});

function finding(one: Placed, other: Placed | undefined): readonly AnalysisFinding[] {
  if (other === undefined) return [];
  const place = other.config === one.config ? `spec.jwtRules[${other.index}]` : `${nameOf(other.config)} spec.jwtRules[${other.index}]`;
  const differs = keysOf(one.rule) === keysOf(other.rule) ? 'audiences' : 'keys';
  return [
    {
      code: 'MEL0213',
      config: one.config,
      path: `spec.jwtRules[${one.index}].issuer`,
      message: `"${one.rule.issuer ?? ''}" has another rule for the same workload, with other ${differs}: ${place}; a token that is good for one of them is taken`,
      fix: { text: 'Keep one rule for each issuer.' },
    },
  ];
}

function keysOf({ jwks, jwksUri }: JwtRule): string {
  return JSON.stringify([jwks, jwksUri]);
}

function audiencesOf({ audiences = [] }: JwtRule): string {
  return JSON.stringify([...audiences].sort());
}

/** For each rule the first one with other terms that some workload has too. Each set of policies that meet is looked at once, and not each pair of rules. */
function rivalsOf(rules: readonly Placed[], places: Places): ReadonlyMap<Placed, Placed> {
  const byPolicy = new Map<Policy, Placed[]>(rules.map(({ config }) => [config, []]));
  for (const one of rules) byPolicy.get(one.config)?.push(one);
  const rivals = new Map<Placed, Placed>();
  for (const policies of meetings([...byPolicy.keys()], places)) {
    const together = policies.flatMap((policy) => byPolicy.get(policy) ?? []);
    const [first] = together;
    const second = together.find(({ terms }) => terms !== first?.terms);
    if (first === undefined || second === undefined) continue;
    for (const one of together) {
      const rival = one.terms === first.terms ? second : first;
      if (rival.order < (rivals.get(one)?.order ?? Infinity)) rivals.set(one, rival);
    }
  }
  return rivals;
}

/** The sets of policies that count together somewhere, each once: those of every workload, and each policy with itself. */
function meetings(policies: readonly Policy[], { root, workloads, byNamespace }: Places): Iterable<readonly Policy[]> {
  const byPlace = groupBy(policies, ({ meta }) => meta.namespace);
  const general = byPlace.get(root) ?? [];
  const concerned = general.length > 0 ? workloads : [...byPlace.keys()].flatMap((namespace) => byNamespace.get(namespace) ?? []);
  const order = new Map(policies.map((policy, index) => [policy, index] as const));
  const sets = new Map<string, readonly Policy[]>(policies.map((policy, index) => [String(index), [policy]]));
  for (const workload of concerned) {
    const here = workload.namespace === root ? [] : (byPlace.get(workload.namespace) ?? []);
    const met = [...here, ...general]
      .filter((policy) => isPolicyFor(policy, workload, root))
      .sort((a, b) => (order.get(a) ?? 0) - (order.get(b) ?? 0));
    if (met.length > 1) sets.set(met.map((policy) => order.get(policy)).join(), met);
  }
  return sets.values();
}
