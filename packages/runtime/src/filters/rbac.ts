import type { Reader } from '../decode/reader.ts';
import { rbacDetails, type RbacEngine, type RbacResult } from '../rbac/engine.ts';
import { decodeEither, engineOf } from '../rbac/tree.ts';
import { Statistic } from '../stats/statistic.ts';
import type { RbacRules } from '../rbac/types.ts';
import { defineFilter, mostSpecific, type FilterKind } from './define.ts';
import type { FilterAction, FilterContext, FilterReply, FilterVerdict, MetadataStruct } from './types.ts';

interface RbacConfig {
  readonly rules?: RbacRules;
  readonly shadow?: RbacRules;
  readonly prefix: string;
  readonly shadowPrefix: string;
  readonly perRule: boolean;
}

/** Where the filter's outcomes are written for the filters behind and for logs. */
const NAMESPACE = 'envoy.filters.http.rbac';
/** A `LOG` engine's outcome; access logs of Envoy look there. */
const COMMON = 'envoy.common';

/** Lets requests through by who asks for what (`envoy.filters.http.rbac`). A route's own setting replaces the chain's; an empty one switches it off. */
export const rbacFilter: FilterKind = defineFilter<RbacConfig, RbacConfig>({
  t: 'rbac',
  types: ['envoy.extensions.filters.http.rbac.v3.RBAC'],
  overrideTypes: ['envoy.extensions.filters.http.rbac.v3.RBACPerRoute'],
  decode: decodeConfig,
  decodeOverride(reader) {
    const rbac = reader.message('rbac');
    return rbac === undefined ? { prefix: '', shadowPrefix: '', perRule: false } : decodeConfig(rbac);
  },
  compile(own, site) {
    const config = mostSpecific(own, site);
    return config.rules === undefined && config.shadow === undefined ? undefined : compileConfig(config, `${site.statPrefix}rbac.`);
  },
});

function decodeConfig(reader: Reader): RbacConfig {
  const rules = decodeEither(reader, ['matcher', 'rules'], 'requests');
  const shadow = decodeEither(reader, ['shadow_matcher', 'shadow_rules'], 'requests');
  return {
    ...(rules === undefined ? {} : { rules }),
    ...(shadow === undefined ? {} : { shadow }),
    prefix: reader.string('rules_stat_prefix'),
    shadowPrefix: reader.string('shadow_rules_stat_prefix'),
    perRule: reader.bool('track_per_rule_stats'),
  };
}

function compileConfig(config: RbacConfig, statPrefix: string): FilterAction {
  const shadow = config.shadow === undefined ? undefined : compileShadow(config, engineOf(config.shadow), statPrefix);
  const enforced = config.rules === undefined ? undefined : compileEnforced(config, config.rules, statPrefix);
  return {
    decide(context) {
      const trial = shadow?.(context);
      const verdict = enforced?.(context);
      if (trial === undefined) return verdict;
      const metadata = { ...verdict?.metadata, [NAMESPACE]: { ...trial, ...verdict?.metadata?.[NAMESPACE] } };
      return { ...verdict, metadata };
    },
  };
}

/** Rules on trial change nothing: what they would have done is told. */
function compileShadow(config: RbacConfig, engine: RbacEngine, statPrefix: string): (context: FilterContext) => MetadataStruct {
  const count = counter(`${statPrefix}${dotted(config.shadowPrefix)}`, 'shadow_', config.perRule);
  return (context) => {
    const result = engine(context);
    count(context, result);
    return {
      [`${config.shadowPrefix}shadow_engine_result`]: result.allowed ? 'allowed' : 'denied',
      ...(result.policy === '' ? {} : { [`${config.shadowPrefix}shadow_effective_policy_id`]: result.policy }),
    };
  };
}

function compileEnforced(config: RbacConfig, rules: RbacRules, statPrefix: string): (context: FilterContext) => FilterVerdict {
  const engine = engineOf(rules);
  const count = counter(`${statPrefix}${dotted(config.prefix)}`, '', config.perRule);
  // One object per outcome: most requests end in the same one.
  const verdicts = new Map<RbacResult, FilterVerdict>();
  return (context) => {
    const result = engine(context);
    count(context, result);
    let verdict = verdicts.get(result);
    if (verdict === undefined) verdicts.set(result, (verdict = enforcedVerdict(config, rules.action, result)));
    return verdict;
  };
}

function enforcedVerdict({ prefix }: RbacConfig, action: RbacRules['action'], { allowed, policy }: RbacResult): FilterVerdict {
  const told: MetadataStruct = {
    ...(policy === '' ? {} : { [`${prefix}enforced_effective_policy_id`]: policy }),
    [`${prefix}enforced_engine_result`]: allowed ? 'allowed' : 'denied',
  };
  const hint = action === 'log' ? { [COMMON]: { access_log_hint: policy !== '' } } : {};
  return { metadata: { ...hint, [NAMESPACE]: told }, ...(allowed ? {} : { reply: denied(policy) }) };
}

function denied(policy: string): FilterReply {
  return { status: 403, body: 'RBAC: access denied', flag: '', details: rbacDetails(policy) };
}

function counter(prefix: string, mode: '' | 'shadow_', perRule: boolean): (context: FilterContext, result: RbacResult) => void {
  const allowed = new Statistic(`${prefix}${mode}allowed`);
  const denied = new Statistic(`${prefix}${mode}denied`);
  // By the engine's own results: it has one for each policy.
  const ofPolicy = new Map<RbacResult, Statistic>();
  return ({ thread }, result) => {
    (result.allowed ? allowed : denied).count(thread);
    if (!perRule || result.policy === '') return;
    let statistic = ofPolicy.get(result);
    if (statistic === undefined)
      ofPolicy.set(result, (statistic = new Statistic(`${prefix}policy.${result.policy}.${mode}${result.allowed ? 'allowed' : 'denied'}`)));
    statistic.count(thread);
  };
}

function dotted(prefix: string): string {
  return prefix === '' || prefix.endsWith('.') ? prefix : `${prefix}.`;
}
