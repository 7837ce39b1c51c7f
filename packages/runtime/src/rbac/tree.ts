import { isLoopback } from '../compile/cidr.ts';
import type { ExtensionTable } from '../decode/any.ts';
import type { Reader } from '../decode/reader.ts';
import { compileMatcher, readRequest, type ReadInput } from '../matcher/compile.ts';
import { CONNECTION_INPUTS, decodeMatcher, REQUEST_INPUTS } from '../matcher/decode.ts';
import type { MatchInput } from '../matcher/types.ts';
import { decodeRbacField } from './decode.ts';
import { compileRbac, type RbacEngine, type RbacResult, type RbacSubject } from './engine.ts';
import type { RbacRules, RbacTree } from './types.ts';

/** Of connections, what a policy knows at the time that it is asked. */
const PEER_INPUTS = ['DestinationIP', 'DestinationPort', 'SourceIP', 'DirectSourceIP', 'SourceType', 'ServerName'].map(
  (name) => `envoy.extensions.matching.common_inputs.network.v3.${name}Input`,
);
const PEERS: ExtensionTable<MatchInput> = Object.fromEntries(Object.entries(CONNECTION_INPUTS).filter(([type]) => PEER_INPUTS.includes(type)));
const REQUESTS: ExtensionTable<MatchInput> = { ...PEERS, ...REQUEST_INPUTS };

const ACTIONS: ExtensionTable<RbacTree> = {
  'envoy.config.rbac.v3.Action': (config) => {
    const name = config.string('name');
    config.require('name', name !== '', 'missing');
    return { name, allowed: config.oneOf('action', { ALLOW: true, DENY: false }, true) };
  },
};

/** Rules, or the tree that counts in place of them. Its leaves allow or deny; whom it leads nowhere is denied. */
export function decodeEither(
  reader: Reader,
  [field, rules]: readonly ['matcher', 'rules'] | readonly ['shadow_matcher', 'shadow_rules'],
  of: 'requests' | 'connections',
): RbacRules | undefined {
  const plain = decodeRbacField(reader, rules);
  const matcher = reader.message(field);
  if (matcher === undefined) return plain;
  const tree = decodeMatcher(matcher, { inputs: of === 'requests' ? REQUESTS : PEERS, actions: ACTIONS });
  return tree === undefined ? undefined : { action: 'allow', policies: [], tree };
}

const UNMATCHED: RbacResult = { allowed: false, policy: '' };

/** What decides by these rules. */
export function engineOf(rules: RbacRules): RbacEngine {
  return rules.tree === undefined ? compileRbac(rules) : compileTree(rules.tree);
}

/** A tree as an engine: one result for each leaf. */
function compileTree(tree: NonNullable<RbacRules['tree']>): RbacEngine {
  const follow = compileMatcher(tree, readSubject);
  const results = new Map<RbacTree, RbacResult>();
  return (subject) => {
    const leaf = follow(subject);
    if (leaf === undefined) return UNMATCHED;
    let result = results.get(leaf);
    if (result === undefined) results.set(leaf, (result = { allowed: leaf.allowed, policy: leaf.name }));
    return result;
  };
}

const readSubject: ReadInput<RbacSubject> = (input) => {
  if (input.t === 'header') {
    const read = readRequest(input);
    return ({ request }) => (request === undefined ? undefined : read(request));
  }
  switch (input.t) {
    case 'destination-ip':
      return ({ peer }) => peer.localAddress;
    case 'destination-port':
      return ({ peer }) => String(peer.localPort);
    case 'source-ip':
      return ({ peer }) => peer.remoteAddress;
    case 'direct-source-ip':
      return ({ peer }) => peer.directAddress;
    case 'source-type':
      return ({ peer }) => (isLoopback(peer.remoteAddress) || peer.remoteAddress === peer.localAddress ? 'local' : undefined);
    case 'server-name':
      return ({ peer }) => (peer.serverName === '' ? undefined : peer.serverName);
    case 'source-port':
    case 'transport-protocol':
    case 'application-protocol':
      return () => undefined;
  }
};
