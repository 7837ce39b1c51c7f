import type { CompiledChain } from '../compiled.ts';
import type { Reader } from '../decode/reader.ts';
import { Statistic, type Tallies } from '../stats/statistic.ts';
import type { NetworkFilter, NetworkRbac } from '../types/listener.ts';
import { rbacDetails, type RbacSubject } from './engine.ts';
import { decodeEither, engineOf } from './tree.ts';
import type { RbacRule } from './types.ts';

/** The network RBAC filter (`envoy.filters.network.rbac`). */
export function decodeNetworkRbac(reader: Reader): NetworkRbac {
  const rules = decodeEither(reader, ['matcher', 'rules'], 'connections');
  const shadow = decodeEither(reader, ['shadow_matcher', 'shadow_rules'], 'connections');
  for (const [field, decoded] of Object.entries({ rules, shadow_rules: shadow })) {
    const asking = decoded?.policies.find(({ permissions, principals }) => [...permissions, ...principals].some(asksForRequest));
    if (asking !== undefined) reader.fail(field, `policy "${asking.name}" asks for headers or a path, which a connection does not have`);
  }
  // Asked once, when the connection is there and before a byte moves: nothing that it looks at changes afterwards.
  reader.oneOf('enforcement_type', { ONE_TIME_ON_FIRST_BYTE: 'once', CONTINUOUS: 'once' }, 'once');
  reader.require('delay_deny', !reader.has('delay_deny'), 'delaying a refusal is not supported by this proxy');
  return {
    t: 'rbac',
    ...(rules === undefined ? {} : { rules }),
    ...(shadow === undefined ? {} : { shadow }),
    statPrefix: reader.string('stat_prefix'),
    shadowPrefix: reader.string('shadow_rules_stat_prefix'),
  };
}

function asksForRequest(rule: RbacRule): boolean {
  if (rule.t === 'and' || rule.t === 'or') return rule.rules.some(asksForRequest);
  return rule.t === 'not' ? asksForRequest(rule.rule) : rule.t === 'header' || rule.t === 'path' || rule.t === 'template';
}

/** All of a chain's filters before the terminal one, as one question. */
export function compileAdmission(filters: readonly NetworkFilter[]): CompiledChain['admit'] {
  const admissions = filters.flatMap((filter) => (filter.t === 'rbac' ? (compileOne(filter) ?? []) : []));
  if (admissions.length === 0) return undefined;
  return (peer, thread) => {
    const subject: RbacSubject = { peer, metadata: (namespace) => peer.connectionMetadata?.get(namespace) };
    for (const admit of admissions) {
      const refusal = admit(subject, thread);
      if (refusal !== undefined) return refusal;
    }
    return undefined;
  };
}

function compileOne({
  rules,
  shadow,
  statPrefix,
  shadowPrefix,
}: NetworkRbac): ((subject: RbacSubject, thread: Tallies) => string | undefined) | undefined {
  const trial = shadow === undefined ? undefined : engineOf(shadow);
  const engine = rules === undefined ? undefined : engineOf(rules);
  if (engine === undefined && trial === undefined) return undefined;
  const prefix = `${statPrefix}rbac.`;
  const outcomes = (before: string): readonly [yes: Statistic, no: Statistic] => [
    new Statistic(`${before}allowed`),
    new Statistic(`${before}denied`),
  ];
  const tried = outcomes(`${prefix}${shadowPrefix}shadow_`);
  const judged = outcomes(prefix);
  return (subject, thread) => {
    if (trial !== undefined) tried[trial(subject).allowed ? 0 : 1].count(thread);
    if (engine === undefined) return undefined;
    const { allowed, policy } = engine(subject);
    judged[allowed ? 0 : 1].count(thread);
    return allowed ? undefined : rbacDetails(policy);
  };
}
