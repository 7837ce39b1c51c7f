import { claimName, type HttpMatchRequest, type StringMatch } from '@meltemi/api';
import { defined, filled } from '../common/defined.ts';
import type { HeaderMatcher, MetadataMatcher, QueryParameterMatcher, RouteMatch, StringMatcher } from '@meltemi/protos-types';

/** Everything. */
export const ANY_PATH: RouteMatch = { prefix: '/' };

/** Names that Istio ignores under `headers`, because they have fields of their own. */
const REQUEST_LINE: ReadonlySet<string> = new Set(['uri', 'scheme', 'method', 'authority']);

/** A match of a VirtualService, without its `port`, `gateways` and `source…`: those select routes when configuration is made. */
export function routeMatch(match: HttpMatchRequest | undefined, wholeSegments = false): RouteMatch {
  if (match === undefined) return ANY_PATH;
  const query = sortedEntries(match.queryParams).map(([name, value]) => queryMatcher(name, value));
  return {
    ...pathOf(match.uri, wholeSegments),
    ...defined({
      case_sensitive: match.ignoreUriCase === true && match.uri?.regex === undefined ? false : undefined,
      headers: filled(headerMatchers(match)),
      query_parameters: filled(query),
      dynamic_metadata: filled(claimMatchers(match)),
    }),
  };
}

function headerMatchers(match: HttpMatchRequest): readonly HeaderMatcher[] {
  const named = (record: HttpMatchRequest['headers']) =>
    sortedEntries(record)
      .filter(([name]) => !REQUEST_LINE.has(name) && claimName(name).t === 'header')
      .map(([name, value]) => headerMatcher(name, value));
  const line = [
    [':method', match.method],
    [':authority', match.authority],
    [':scheme', match.scheme],
  ] as const;
  return [
    ...named(match.headers),
    ...named(match.withoutHeaders).map(without),
    ...line.flatMap(([name, value]) => (value === undefined ? [] : [headerMatcher(name, value)])),
  ];
}

/** Claims of the token that the gateway's jwt_authn has checked. Where no such filter stands, as in sidecars, none has a value (Istio does the same). */
function claimMatchers(match: HttpMatchRequest): readonly MetadataMatcher[] {
  const of = (record: HttpMatchRequest['headers'], invert: boolean): readonly MetadataMatcher[] =>
    sortedEntries(record).flatMap(([name, value]) => {
      const claim = claimName(name);
      return claim.t === 'claim' ? [claimMatcher(claim.path, value, invert)] : [];
    });
  return [...of(match.headers, false), ...of(match.withoutHeaders, true)];
}

function claimMatcher(path: readonly string[], match: StringMatch, invert: boolean): MetadataMatcher {
  const string_match = stringMatcher(match);
  return {
    filter: 'envoy.filters.http.jwt_authn',
    path: ['payload', ...path].map((key) => ({ key })),
    // A claim is a text, or a list of texts of which one is enough.
    value:
      string_match === undefined
        ? { present_match: true }
        : { or_match: { value_matchers: [{ string_match }, { list_match: { one_of: { string_match } } }] } },
    ...(invert ? { invert } : {}),
  };
}

/** True when no request is refused: routes after it could never be reached. */
export function isCatchAll(match: RouteMatch): boolean {
  if (match.runtime_fraction !== undefined) return false;
  if ((match.headers ?? []).length > 0 || (match.dynamic_metadata ?? []).length > 0 || (match.query_parameters ?? []).length > 0) return false;
  return match.prefix === '/' || match.safe_regex?.regex === '.*' || match.safe_regex?.regex === '*';
}

function pathOf(uri: StringMatch | undefined, wholeSegments: boolean): RouteMatch {
  if (uri?.exact !== undefined) return { path: uri.exact };
  if (uri?.prefix !== undefined) return wholeSegments && uri.prefix !== '/' ? { path_separated_prefix: uri.prefix } : { prefix: uri.prefix };
  if (uri?.regex !== undefined) return { safe_regex: { regex: uri.regex } };
  return ANY_PATH;
}

function stringMatcher(match: StringMatch): StringMatcher | undefined {
  if (match.exact !== undefined) return { exact: match.exact };
  // An empty prefix is "is there": Envoy refuses it as a matcher.
  if (match.prefix !== undefined && match.prefix !== '') return { prefix: match.prefix };
  if (match.regex !== undefined) return { safe_regex: { regex: match.regex } };
  return undefined;
}

function headerMatcher(name: string, match: StringMatch): HeaderMatcher {
  const matcher = stringMatcher(match);
  return matcher === undefined ? { name, present_match: true } : { name, string_match: matcher };
}

function without(matcher: HeaderMatcher): HeaderMatcher {
  // A missing header would fail any comparison, inverted or not; as an empty one it passes "is not jason".
  return { ...matcher, invert_match: true, ...(matcher.present_match === true ? {} : { treat_missing_header_as_empty: true }) };
}

function queryMatcher(name: string, match: StringMatch): QueryParameterMatcher {
  const matcher = stringMatcher(match);
  return matcher === undefined ? { name, present_match: true } : { name, string_match: matcher };
}

function sortedEntries<T>(record: Readonly<Record<string, T>> | undefined): readonly (readonly [string, T])[] {
  return Object.entries(record ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
}
