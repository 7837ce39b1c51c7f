import { compileRegex } from '@meltemi/match';
import type { RequestView } from '../compiled.ts';
import { cidrTable } from '../compile/cidr.ts';
import { compileMetadataMatch } from '../compile/metadata-match.ts';
import { compileHeader } from '../compile/predicates.ts';
import { compileText } from '../compile/text.ts';
import { pathOf } from '../compile/target.ts';
import type { FilterPeer, MetadataStruct } from '../filters/types.ts';
import type { CidrRange, StringMatch } from '../types/common.ts';
import type { HeaderMatch } from '../types/route.ts';
import type { RbacRule, RbacRules } from './types.ts';

/** What a policy is held against. A TCP connection has no request: what asks for one does not match there. */
export interface RbacSubject {
  readonly peer: FilterPeer;
  readonly request?: RequestView;
  metadata(namespace: string): MetadataStruct | undefined;
}

export interface RbacResult {
  readonly allowed: boolean;
  /** Name of the policy that matched, '' = none did. */
  readonly policy: string;
}

export type RbacEngine = (subject: RbacSubject) => RbacResult;
type Test = (subject: RbacSubject) => boolean;

/** Policies are tried in order; the first that matches decides: `allow` needs one, `deny` needs none, `log` never refuses. */
export function compileRbac(rules: RbacRules): RbacEngine {
  const { action } = rules;
  const policies = rules.policies.map(({ name, permissions, principals }) => ({
    test: every([some(permissions.map(compileRule)), some(principals.map(compileRule))]),
    matched: { allowed: action !== 'deny', policy: name },
  }));
  const unmatched: RbacResult = { allowed: action !== 'allow', policy: '' };
  return (subject) => policies.find((policy) => policy.test(subject))?.matched ?? unmatched;
}

function every(tests: readonly Test[]): Test {
  const [first, second] = tests;
  if (first !== undefined && tests.length === 1) return first;
  if (first !== undefined && second !== undefined && tests.length === 2) return (subject) => first(subject) && second(subject);
  return (subject) => tests.every((test) => test(subject));
}

function some(tests: readonly Test[]): Test {
  const [first] = tests;
  return first !== undefined && tests.length === 1 ? first : (subject) => tests.some((test) => test(subject));
}

function compileRule(rule: RbacRule): Test {
  if (isRequestRule(rule)) return compileRequestRule(rule);
  return isPeerRule(rule) ? compilePeerRule(rule) : compileLogic(rule);
}

type RequestRule = Extract<RbacRule, { readonly t: 'header' | 'path' | 'template' }>;
type LogicRule = Extract<RbacRule, { readonly t: 'and' | 'or' | 'not' | 'any' | 'metadata' }>;
type PeerRule = Exclude<RbacRule, RequestRule | LogicRule>;

const REQUEST_RULES: ReadonlySet<string> = new Set<RequestRule['t']>(['header', 'path', 'template']);
const LOGIC_RULES: ReadonlySet<string> = new Set<LogicRule['t']>(['and', 'or', 'not', 'any', 'metadata']);

function isRequestRule(rule: RbacRule): rule is RequestRule {
  return REQUEST_RULES.has(rule.t);
}

function isPeerRule(rule: RbacRule): rule is PeerRule {
  return !LOGIC_RULES.has(rule.t) && !isRequestRule(rule);
}

function compileLogic(rule: LogicRule): Test {
  switch (rule.t) {
    case 'and':
      return every(rule.rules.map(compileRule));
    case 'or':
      return some(rule.rules.map(compileRule));
    case 'not': {
      const inner = compileRule(rule.rule);
      return (subject) => !inner(subject);
    }
    case 'any':
      return () => true;
    case 'metadata': {
      const test = compileMetadataMatch(rule.match);
      return (subject) => test((namespace) => subject.metadata(namespace));
    }
  }
}

function compileRequestRule(rule: RequestRule): Test {
  if (rule.t === 'header') return compileHeaderRule(rule.match);
  const test = rule.t === 'path' ? compileText(rule.match) : wholeText(rule.regex);
  return ({ request }) => request !== undefined && test(bare(request.path));
}

/** A header of several lines matches by any of them: joined, an attacker could hide one value behind another. */
function compileHeaderRule(match: HeaderMatch): Test {
  const test = compileHeader(match);
  const plain = compileHeader({ ...match, invert: false });
  const { name, invert } = match;
  if (match.match.t === 'present' || name.startsWith(':') || name === 'host') return ({ request }) => request !== undefined && test(request);
  return ({ request }) => {
    if (request === undefined) return false;
    const values = request.values?.(name) ?? NO_VALUES;
    return values.length > 1 ? values.some((value) => plain({ ...NO_REQUEST, header: () => value })) !== invert : test(request);
  };
}

const NO_VALUES: readonly string[] = [];
const NO_REQUEST = { method: '', path: '', authority: '', scheme: 'http' } as const;

function wholeText(source: string): (text: string) => boolean {
  const regex = compileRegex(source);
  return (text) => regex.fullMatch(text);
}

/** Without query and fragment: neither is for a policy to be fooled by. */
function bare(target: string): string {
  const path = pathOf(target);
  const hash = path.indexOf('#');
  return hash < 0 ? path : path.slice(0, hash);
}

function compilePeerRule(rule: PeerRule): Test {
  switch (rule.t) {
    case 'destination-ip': {
      const holds = inRange(rule.range);
      return ({ peer }) => holds(peer.localAddress);
    }
    case 'direct-remote-ip': {
      const holds = inRange(rule.range);
      return ({ peer }) => holds(peer.directAddress);
    }
    case 'source-ip': {
      const holds = inRange(rule.range);
      return ({ peer }) => holds(peer.sourceAddress);
    }
    case 'remote-ip': {
      const holds = inRange(rule.range);
      return ({ peer }) => holds(peer.remoteAddress);
    }
    case 'destination-port':
      return ({ peer }) => peer.localPort >= rule.start && peer.localPort < rule.end;
    case 'server-name': {
      const test = compileText(rule.match);
      return ({ peer }) => test(peer.serverName);
    }
    case 'authenticated':
      return compileAuthenticated(rule.match);
  }
}

/** The URI of the certificate, its DNS names, and its subject: one of them must match. */
function compileAuthenticated(match: StringMatch | undefined): Test {
  if (match === undefined) return ({ peer }) => peer.tls !== undefined;
  const test = compileText(match);
  return ({ peer }) => {
    const { tls } = peer;
    if (tls === undefined) return false;
    return (tls.peerUri !== '' && test(tls.peerUri)) || tls.peerDns.some(test) || test(tls.peerSubject);
  };
}

/** The last answer is kept: a connection asks for the same address again and again. */
function inRange(range: CidrRange): (address: string) => boolean {
  const table = cidrTable([[range, true]], false);
  let address = '';
  let holds = false;
  return (asked) => {
    if (asked === address) return holds;
    address = asked;
    holds = table.find(asked) === true;
    return holds;
  };
}

/** Which policy refused; `none` = no policy that allows. */
export function rbacDetails(policy: string): string {
  return `rbac_access_denied_matched_policy[${policy === '' ? 'none' : policy}]`;
}
