import type { PortPredicate } from '../types/listener.ts';
import type { Reader } from './reader.ts';

/** `filter_disabled` of a listener filter; nothing = it is for all connections. */
export function disabledFor(filter: Reader): { readonly disabled?: PortPredicate } {
  const predicate = filter.message('filter_disabled');
  return predicate === undefined ? {} : { disabled: decodePredicate(predicate) };
}

function decodePredicate(reader: Reader): PortPredicate {
  const not = reader.message('not_match');
  const range = reader.message('destination_port_range');
  const [or, and] = [reader.message('or_match'), reader.message('and_match')];
  if (or !== undefined) return { t: 'or', of: or.messages('rules').map(decodePredicate) };
  if (and !== undefined) return { t: 'and', of: and.messages('rules').map(decodePredicate) };
  if (not !== undefined) return { t: 'not', of: decodePredicate(not) };
  if (range !== undefined) return { t: 'ports', start: range.number('start', 0), end: range.number('end', 0) };
  reader.require('any_match', reader.bool('any_match'), 'no condition that this proxy knows');
  return { t: 'any' };
}
