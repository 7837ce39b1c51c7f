import { compareByAge, type Config, type JwtRule } from '@meltemi/api';
import { labelsMatch } from '../labels.ts';
import type { RequestAuthenticationSpec } from '../specs.ts';
import type { Labels } from '../types/service.ts';
import { GATEWAY_NAME_LABEL } from './envoy-filters.ts';
import type { PushContext } from './push-context.ts';
import { push } from './visibility.ts';

/** Where keys that a rule does not hold itself come from: an address of keys, or that of a document of the issuer which tells it. */
export interface KeySource {
  /** Names the source: rules with equal ones share their keys. */
  readonly id: string;
  readonly t: 'keys' | 'discovery';
  readonly url: string;
}

/** What is known of a source: the last good keys, and why there are none, or none newer. */
export interface KeySet {
  /** Text of a JWKS with public keys only; undefined: there were none so far. */
  readonly jwks: string | undefined;
  readonly fault: string | undefined;
}

/** By the id of their source. A changed one is another map. */
export type KeySets = ReadonlyMap<string, KeySet>;

/** A rule as it is in force; the same object as long as neither its policy nor its keys change. */
export interface JwtRuleInForce {
  readonly policy: Config<RequestAuthenticationSpec>;
  /** Place in `jwtRules`. */
  readonly index: number;
  readonly rule: JwtRule;
  /** Text of the issuer's key set; undefined: there is none yet, and no token of the issuer is good. */
  readonly jwks: string | undefined;
}

interface Entry {
  readonly config: Config<RequestAuthenticationSpec>;
  readonly rules: readonly JwtRuleInForce[];
}

/** RequestAuthentications by namespace, oldest first. */
export interface RequestAuthenticationTable {
  readonly byNamespace: ReadonlyMap<string, readonly Entry[]>;
}

/** Where the control plane gets the keys of a rule from; undefined: the rule holds them. */
export function keySourceOf({ issuer = '', jwks, jwksUri }: JwtRule): KeySource | undefined {
  if (jwks !== undefined) return undefined;
  if (jwksUri !== undefined) return { id: `keys ${jwksUri}`, t: 'keys', url: jwksUri };
  const url = `${withoutEndingSlashes(issuer)}/.well-known/openid-configuration`;
  return { id: `discovery ${url}`, t: 'discovery', url };
}

/** By hand: an expression would look at many slashes once from each of them. */
function withoutEndingSlashes(text: string): string {
  let { length } = text;
  while (length > 0 && text[length - 1] === '/') length--;
  return text.slice(0, length);
}

/** Builds the table of all RequestAuthentications; what did not change is taken over. */
export function buildRequestAuthenticationTable(
  policies: readonly Config<RequestAuthenticationSpec>[],
  keySets: KeySets | undefined,
  previous?: RequestAuthenticationTable,
): RequestAuthenticationTable {
  const before = new Map([...(previous?.byNamespace.values() ?? [])].flat().map((entry) => [entry.config, entry] as const));
  const byNamespace = new Map<string, Entry[]>();
  for (const config of [...policies].sort(compareByAge)) {
    const made = entryOf(config, keySets);
    const known = before.get(config);
    const same = known?.rules.every(({ jwks }, index) => jwks === made.rules[index]?.jwks) === true;
    push(byNamespace, config.meta.namespace, same && known !== undefined ? known : made);
  }
  return { byNamespace };
}

function entryOf(config: Config<RequestAuthenticationSpec>, keySets: KeySets | undefined): Entry {
  const rules = (config.spec.jwtRules ?? []).map((rule, index): JwtRuleInForce => {
    const source = keySourceOf(rule);
    return { policy: config, index, rule, jwks: source === undefined ? rule.jwks : keySets?.get(source.id)?.jwks };
  });
  return { config, rules };
}

/** What of a workload decides which policies are for it. */
export interface PolicySubject {
  readonly namespace: string;
  readonly labels: Labels;
}

/**
 * The rules of a workload, by issuer: those of all policies that are for it count together. Those of the root namespace are for the whole mesh, with a selector
 * too; targets are Gateways of the policy's own namespace.
 */
export function requestAuthenticationsFor(
  context: Pick<PushContext, 'requestAuthentications' | 'mesh'>,
  node: PolicySubject,
): readonly JwtRuleInForce[] {
  const { byNamespace } = context.requestAuthentications;
  if (byNamespace.size === 0) return NONE;
  const root = context.mesh.rootNamespace;
  const namespaces = node.namespace === root ? [root] : [node.namespace, root];
  const rules = namespaces.flatMap((namespace) =>
    (byNamespace.get(namespace) ?? []).filter(({ config }) => isFor(config, node)).flatMap((entry) => entry.rules),
  );
  return rules.sort((a, b) => compare(a.rule.issuer ?? '', b.rule.issuer ?? ''));
}

const NONE: readonly never[] = [];

/** Whether a policy is for a workload. */
export function isPolicyFor(config: Config<RequestAuthenticationSpec>, subject: PolicySubject, rootNamespace: string): boolean {
  const { namespace } = config.meta;
  return (namespace === subject.namespace || namespace === rootNamespace) && isFor(config, subject);
}

/** In a namespace where the policy counts. */
function isFor({ meta, spec: { selector, targetRefs = [] } }: Config<RequestAuthenticationSpec>, node: PolicySubject): boolean {
  if (targetRefs.length > 0) return meta.namespace === node.namespace && targetRefs.some(({ name }) => name === node.labels[GATEWAY_NAME_LABEL]);
  return labelsMatch(selector?.matchLabels ?? {}, node.labels);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
