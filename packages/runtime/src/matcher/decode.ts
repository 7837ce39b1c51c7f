import { decodeExtension, type ExtensionTable } from '../decode/any.ts';
import { decodeCidrs, decodeStringMatch } from '../decode/common.ts';
import type { Reader } from '../decode/reader.ts';
import type { CidrRange } from '../types/common.ts';
import type { ConnectionInput, Field, IpBranch, Matcher, MatchInput, OnMatch, Predicate } from './types.ts';

/** What may stand in the trees of one place. */
export interface MatcherPlace<A> {
  readonly inputs: ExtensionTable<MatchInput>;
  readonly actions: ExtensionTable<A>;
}

/** Deeper trees are refused: nobody writes them, and each level costs. */
const MAX_DEPTH = 16;

/** `xds.type.matcher.v3.Matcher`. undefined = there was a fault. */
export function decodeMatcher<A>(reader: Reader, place: MatcherPlace<A>, depth = 0): Matcher<A> | undefined {
  if (depth > MAX_DEPTH) {
    reader.ignoreRest();
    reader.fail('', `trees of more than ${MAX_DEPTH} levels are not supported by this proxy`);
    return undefined;
  }
  const none = reader.message('on_no_match');
  const otherwise = none === undefined ? undefined : decodeOnMatch(none, place, depth);
  const rest = otherwise === undefined ? {} : { otherwise };
  const list = reader.message('matcher_list');
  if (list !== undefined) return { ...decodeList(list, place, depth), ...rest };
  const tree = reader.message('matcher_tree');
  if (tree === undefined) {
    reader.require('', otherwise !== undefined, 'neither matcher_list, matcher_tree nor on_no_match is set');
    return { t: 'list', fields: [], ...rest };
  }
  const decoded = decodeTree(tree, place, depth);
  return decoded === undefined ? undefined : { ...decoded, ...rest };
}

function decodeOnMatch<A>(reader: Reader, place: MatcherPlace<A>, depth: number): OnMatch<A> | undefined {
  reader.require('keep_matching', !reader.bool('keep_matching'), 'going on after a match is not supported by this proxy');
  const nested = reader.message('matcher');
  if (nested !== undefined) {
    const matcher = decodeMatcher(nested, place, depth + 1);
    return matcher === undefined ? undefined : { t: 'matcher', matcher };
  }
  const action = reader.message('action');
  reader.require('', action !== undefined, 'neither matcher nor action is set');
  const decoded = action === undefined ? undefined : decodeExtension(action, place.actions);
  return decoded === undefined ? undefined : { t: 'action', action: decoded };
}

function decodeList<A>(reader: Reader, place: MatcherPlace<A>, depth: number): Matcher<A> & { t: 'list' } {
  const matchers = reader.messages('matchers');
  reader.require('matchers', matchers.length > 0, 'expected one at least');
  const fields = matchers.map((item): Field<A> | undefined => {
    const predicate = item.message('predicate');
    const onMatch = item.message('on_match');
    item.require('', predicate !== undefined && onMatch !== undefined, 'predicate and on_match must be set');
    const decoded = predicate === undefined ? undefined : decodePredicate(predicate, place, depth);
    const next = onMatch === undefined ? undefined : decodeOnMatch(onMatch, place, depth);
    return decoded === undefined || next === undefined ? undefined : { predicate: decoded, next };
  });
  return { t: 'list', fields: fields.filter((field) => field !== undefined) };
}

function decodePredicate<A>(reader: Reader, place: MatcherPlace<A>, depth: number): Predicate | undefined {
  if (depth > MAX_DEPTH) {
    reader.ignoreRest();
    reader.fail('', `conditions of more than ${MAX_DEPTH} levels are not supported by this proxy`);
    return undefined;
  }
  const single = reader.message('single_predicate');
  if (single !== undefined) return decodeSingle(single, place);
  for (const [field, t] of [
    ['or_matcher', 'or'],
    ['and_matcher', 'and'],
  ] as const) {
    const list = reader.message(field)?.messages('predicate');
    if (list === undefined) continue;
    reader.require(field, list.length >= 2, 'expected two at least');
    return { t, parts: list.map((item) => decodePredicate(item, place, depth + 1)).filter((part) => part !== undefined) };
  }
  const not = reader.message('not_matcher');
  reader.require('', not !== undefined, 'no condition is set');
  const part = not === undefined ? undefined : decodePredicate(not, place, depth + 1);
  return part === undefined ? undefined : { t: 'not', part };
}

const IP_MATCHERS: ExtensionTable<readonly CidrRange[]> = {
  'envoy.extensions.matching.input_matchers.ip.v3.Ip': (config) => {
    // Names of statistics.
    config.harmless('stat_prefix');
    return decodeCidrs(config.messages('cidr_ranges'));
  },
};

function decodeSingle<A>(reader: Reader, place: MatcherPlace<A>): Predicate | undefined {
  const input = decodeInput(reader, place);
  const value = reader.message('value_match');
  if (value !== undefined) return input === undefined ? undefined : { t: 'value', input, match: decodeStringMatch(value) };
  const custom = reader.message('custom_match');
  reader.require('', custom !== undefined, 'neither value_match nor custom_match is set');
  const ranges = custom === undefined ? undefined : decodeExtension(custom, IP_MATCHERS);
  return input === undefined || ranges === undefined ? undefined : { t: 'ip', input, ranges };
}

function decodeInput<A>(reader: Reader, place: MatcherPlace<A>): MatchInput | undefined {
  const input = reader.message('input');
  reader.require('input', input !== undefined, 'missing');
  return input === undefined ? undefined : decodeExtension(input, place.inputs);
}

function decodeTree<A>(reader: Reader, place: MatcherPlace<A>, depth: number): Matcher<A> | undefined {
  const input = decodeInput(reader, place);
  for (const [field, t] of [
    ['exact_match_map', 'exact'],
    ['prefix_match_map', 'prefix'],
  ] as const) {
    const entries = reader.message(field)?.entries('map');
    if (entries === undefined) continue;
    reader.require(field, entries.length > 0, 'expected one entry at least');
    const map = entries.map(([key, value]) => [key, decodeOnMatch(value, place, depth)] as const);
    return input === undefined ? undefined : { t, input, map: map.flatMap(([key, next]) => (next === undefined ? [] : [[key, next] as const])) };
  }
  const custom = reader.message('custom_match');
  reader.require('', custom !== undefined, 'no kind of tree is set');
  const ranges =
    custom === undefined ? undefined : decodeExtension(custom, { 'xds.type.matcher.v3.IPMatcher': (config) => decodeRanges(config, place, depth) });
  return input === undefined || ranges === undefined ? undefined : { t: 'ip', input, ranges };
}

function decodeRanges<A>(reader: Reader, place: MatcherPlace<A>, depth: number): readonly IpBranch<A>[] {
  return reader.messages('range_matchers').flatMap((item) => {
    const ranges = decodeCidrs(item.messages('ranges'));
    item.require('ranges', ranges.length > 0, 'expected one at least');
    const onMatch = item.message('on_match');
    item.require('on_match', onMatch !== undefined, 'missing');
    const next = onMatch === undefined ? undefined : decodeOnMatch(onMatch, place, depth);
    return next === undefined ? [] : [{ ranges, next, exclusive: item.bool('exclusive') }];
  });
}

// ------------------------------------------------------------------------------------------------------------------ inputs

const NETWORK = 'envoy.extensions.matching.common_inputs.network.v3.';
const network = (name: string, t: ConnectionInput): readonly [string, () => MatchInput] => [`${NETWORK}${name}`, () => ({ t })];

/** What is known of a connection. */
export const CONNECTION_INPUTS: ExtensionTable<MatchInput> = Object.fromEntries([
  network('DestinationIPInput', 'destination-ip'),
  network('DestinationPortInput', 'destination-port'),
  network('SourceIPInput', 'source-ip'),
  network('SourcePortInput', 'source-port'),
  network('DirectSourceIPInput', 'direct-source-ip'),
  network('SourceTypeInput', 'source-type'),
  network('ServerNameInput', 'server-name'),
  network('TransportProtocolInput', 'transport-protocol'),
  network('ApplicationProtocolInput', 'application-protocol'),
]);

/** What is known of a request: headers are all that routes are chosen by. */
export const REQUEST_INPUTS: ExtensionTable<MatchInput> = {
  'envoy.type.matcher.v3.HttpRequestHeaderMatchInput': (config) => {
    const name = config.string('header_name').toLowerCase();
    config.require('header_name', name !== '', 'missing');
    return { t: 'header', name };
  },
};
