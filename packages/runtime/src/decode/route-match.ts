import type { HeaderMatch, PathMatch, QueryMatch, RouteMatch } from '../types/route.ts';
import { templateRegex } from '../rbac/uri-template.ts';
import { decodeExtension, type ExtensionTable } from './any.ts';
import { decodeRegex, decodeRuntimeFraction, decodeStringMatch } from './common.ts';
import { decodeMetadataMatch } from './metadata-match.ts';
import type { Reader } from './reader.ts';

export function decodeRouteMatch(reader: Reader): RouteMatch {
  const fraction = reader.message('runtime_fraction');
  const grpc = reader.message('grpc');
  const tls = reader.message('tls_context');
  return {
    path: decodePath(reader),
    headers: reader.messages('headers').map(decodeHeaderMatch),
    query: reader.messages('query_parameters').map(decodeQueryMatch),
    metadata: reader.messages('dynamic_metadata').map(decodeMetadataMatch),
    ...(tls === undefined ? {} : { tls: decodeTlsContext(tls) }),
    grpc: grpc !== undefined,
    fraction: fraction === undefined ? 1 : decodeRuntimeFraction(fraction),
  };
}

function decodeTlsContext(reader: Reader): NonNullable<RouteMatch['tls']> {
  return {
    ...(reader.has('presented') ? { presented: reader.bool('presented') } : {}),
    ...(reader.has('validated') ? { validated: reader.bool('validated') } : {}),
  };
}

const TEMPLATES: ExtensionTable<PathMatch> = {
  'envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig': (config) => {
    const template = config.string('path_template');
    const regex = templateRegex(template);
    if (regex.t === 'fault') config.fail('path_template', `"${template}": ${regex.message}`);
    return regex.t === 'fault' ? { t: 'regex', value: '' } : { t: 'regex', value: regex.source, names: regex.names };
  },
};

function decodePath(reader: Reader): PathMatch {
  const ignoreCase = !reader.bool('case_sensitive', true);
  const regex = reader.message('safe_regex');
  if (regex !== undefined) return { t: 'regex', value: decodeRegex(regex) };
  if (reader.message('connect_matcher') !== undefined) return { t: 'connect' };
  const policy = reader.message('path_match_policy');
  if (policy !== undefined) return decodeExtension(policy, TEMPLATES) ?? { t: 'exact', value: '', ignoreCase };
  if (reader.has('path')) return { t: 'exact', value: reader.string('path'), ignoreCase };
  if (reader.has('path_separated_prefix')) {
    const value = reader.string('path_separated_prefix');
    reader.require('path_separated_prefix', !value.endsWith('/') && !/[?#]/.test(value), `"${value}" must not end in "/" or hold "?" or "#"`);
    return { t: 'segment-prefix', value, ignoreCase };
  }
  reader.require('', reader.has('prefix'), 'no path matcher (prefix, path, path_separated_prefix, safe_regex) is set');
  return { t: 'prefix', value: reader.string('prefix'), ignoreCase };
}

/** The spellings before `string_match`, still sent by many. */
const OLD_STRINGS = { exact_match: 'exact', prefix_match: 'prefix', suffix_match: 'suffix', contains_match: 'contains' } as const;

export function decodeHeaderMatch(reader: Reader): HeaderMatch {
  const name = reader.string('name').toLowerCase();
  reader.require('name', name !== '', 'missing');
  return {
    name,
    match: headerPredicate(reader),
    invert: reader.bool('invert_match'),
    missingIsEmpty: reader.bool('treat_missing_header_as_empty'),
  };
}

function headerPredicate(reader: Reader): HeaderMatch['match'] {
  const string = reader.message('string_match');
  if (string !== undefined) return { t: 'string', match: decodeStringMatch(string) };
  const regex = reader.message('safe_regex_match');
  if (regex !== undefined) return { t: 'string', match: { t: 'regex', value: decodeRegex(regex), ignoreCase: false } };
  for (const [field, t] of Object.entries(OLD_STRINGS)) {
    if (reader.has(field)) return { t: 'string', match: { t, value: reader.string(field), ignoreCase: false } };
  }
  const range = reader.message('range_match');
  if (range !== undefined) return { t: 'range', start: range.number('start', 0), end: range.number('end', 0) };
  // Nothing set means: the header must be there.
  return { t: 'present', present: reader.bool('present_match', true) };
}

export function decodeQueryMatch(reader: Reader): QueryMatch {
  const name = reader.string('name');
  const string = reader.message('string_match');
  if (string !== undefined) return { name, match: { t: 'string', match: decodeStringMatch(string) } };
  return { name, match: { t: 'present', present: reader.bool('present_match', true) } };
}
