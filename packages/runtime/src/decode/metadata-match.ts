import type { MetadataMatch, ValueMatch } from '../types/metadata.ts';
import { decodeStringMatch } from './common.ts';
import type { Reader } from './reader.ts';

export function decodeMetadataMatch(reader: Reader): MetadataMatch {
  const filter = reader.string('filter');
  const path = decodeMetadataPath(reader);
  const value = reader.message('value');
  reader.require('filter', filter !== '', 'missing');
  if (value === undefined) reader.fail('value', 'missing');
  return { filter, path, value: value === undefined ? { t: 'null' } : decodeValueMatch(value), invert: reader.bool('invert') };
}

/** `path` of a `MetadataMatcher` or `MetadataKey`: one key per step. */
export function decodeMetadataPath(reader: Reader): readonly string[] {
  const path = reader.messages('path').map((segment) => segment.string('key'));
  reader.require('path', path.length > 0 && path.every((key) => key !== ''), 'needs at least one step, each with a key');
  return path;
}

function decodeValueMatch(reader: Reader): ValueMatch {
  if (reader.message('null_match') !== undefined) return { t: 'null' };
  const double = reader.message('double_match');
  if (double !== undefined) return decodeNumber(double);
  const string = reader.message('string_match');
  if (string !== undefined) return { t: 'string', match: decodeStringMatch(string) };
  if (reader.has('bool_match')) return { t: 'bool', value: reader.bool('bool_match') };
  if (reader.has('present_match')) return { t: 'present', value: reader.bool('present_match') };
  const list = reader.message('list_match');
  if (list !== undefined) return decodeList(list);
  const or = reader.message('or_match');
  if (or !== undefined) return { t: 'or', matches: or.messages('value_matchers').map(decodeValueMatch) };
  reader.fail('', 'no match pattern is set');
  return { t: 'null' };
}

function decodeNumber(reader: Reader): ValueMatch {
  const range = reader.message('range');
  if (range !== undefined) return { t: 'number', start: range.number('start', 0), end: range.number('end', 0) };
  const exact = reader.number('exact', 0);
  return { t: 'number', start: exact, end: exact };
}

function decodeList(reader: Reader): ValueMatch {
  const one = reader.message('one_of');
  if (one === undefined) reader.fail('one_of', 'missing');
  return { t: 'list', match: one === undefined ? { t: 'null' } : decodeValueMatch(one) };
}
