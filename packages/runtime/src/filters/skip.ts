import type { RequestView } from '../compiled.ts';
import type { ExtensionTable } from '../decode/any.ts';
import type { Reader } from '../decode/reader.ts';
import { compileMatcher, readRequest } from '../matcher/compile.ts';
import { decodeMatcher, REQUEST_INPUTS } from '../matcher/decode.ts';
import type { Matcher } from '../matcher/types.ts';
import type { FilterAction } from './types.ts';

/** A filter that a tree tells which requests to pass by. */
export const WITH_MATCHER = 'envoy.extensions.common.matching.v3.ExtensionWithMatcher';
/** A route's own tree for it. */
export const WITH_MATCHER_PER_ROUTE = 'envoy.extensions.common.matching.v3.ExtensionWithMatcherPerRoute';

const ACTIONS: ExtensionTable<'skip'> = { 'envoy.extensions.filters.common.matcher.action.v3.SkipFilter': () => 'skip' };

/** `xds_matcher`. undefined = there is none, or there was a fault. */
export function decodeSkip(reader: Reader): Matcher<'skip'> | undefined {
  const matcher = reader.message('xds_matcher');
  return matcher === undefined ? undefined : decodeMatcher(matcher, { inputs: REQUEST_INPUTS, actions: ACTIONS });
}

/** Where a filter has no tree, all requests pass it by, as in Envoy; only a route's own tree leads to it. */
export const ALWAYS_SKIPPED: Matcher<'skip'> = { t: 'list', fields: [], otherwise: { t: 'action', action: 'skip' } };

/** The action for requests that the tree does not lead past it. */
export function skipping(action: FilterAction, matcher: Matcher<'skip'>): FilterAction {
  const follow = compileMatcher<RequestView, 'skip'>(matcher, readRequest);
  return { ...action, decide: (context) => (follow(context.request) === 'skip' ? undefined : action.decide(context)) };
}
