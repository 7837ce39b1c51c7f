import { parseFormat } from '@meltemi/match';
import type { FormatSource } from '../compiled.ts';
import type { Reader } from '../decode/reader.ts';
import { compileFormat } from '../format.ts';

/** A change of the query's parameters; `remove` has no value. */
export interface QueryStep {
  readonly action: 'append' | 'add-if-absent' | 'overwrite' | 'overwrite-if-exists' | 'remove';
  readonly key: string;
  readonly value: string;
}

/** `KeyValueMutation`. */
export function decodeQueryStep(reader: Reader): QueryStep {
  const append = reader.message('append');
  if (append === undefined) {
    const key = reader.string('remove');
    reader.require('remove', key !== '', 'neither append nor remove is set');
    return { action: 'remove', key, value: '' };
  }
  const record = append.message('record');
  append.require('record', record !== undefined, 'missing');
  const key = record?.string('key') ?? '';
  record?.require('key', key !== '', 'missing');
  const value = record?.string('value') ?? '';
  const format = parseFormat(value);
  if (!format.ok) record?.fail('value', format.message);
  const action = append.oneOf<QueryStep['action']>(
    'action',
    {
      APPEND_IF_EXISTS_OR_ADD: 'append',
      ADD_IF_ABSENT: 'add-if-absent',
      OVERWRITE_IF_EXISTS_OR_ADD: 'overwrite',
      OVERWRITE_IF_EXISTS: 'overwrite-if-exists',
    },
    'append',
  );
  return { action, key, value };
}

/** What makes a path with other parameters; undefined = no step is taken. The parameters are ordered by name, as in Envoy. */
export function compileQuery(steps: readonly QueryStep[]): ((path: string, source: FormatSource) => string) | undefined {
  if (steps.length === 0) return undefined;
  const compiled = steps.map((step) => ({ ...step, format: compileFormat(step.value, '') }));
  return (path, source) => {
    const start = path.indexOf('?');
    const parameters = parseQuery(start < 0 ? '' : path.slice(start + 1));
    for (const { action, key, format } of compiled) apply(parameters, action, [key, action === 'remove' ? '' : format.render(source)]);
    return (start < 0 ? path : path.slice(0, start)) + writeQuery(parameters);
  };
}

function apply(parameters: Map<string, string[]>, action: QueryStep['action'], [key, value]: readonly [string, string]): void {
  const known = parameters.get(key);
  const written = `${encode(key)}=${encode(value)}`;
  if (action === 'remove') parameters.delete(key);
  else if (action === 'overwrite' || (action === 'overwrite-if-exists' && known !== undefined)) parameters.set(key, [written]);
  else if (action === 'append' && known !== undefined) known.push(written);
  else if (known === undefined && action !== 'overwrite-if-exists') parameters.set(key, [written]);
}

/** By their decoded names; what came stays written as it was (Envoy writes it decoded, by which an escaped `&` would become one). */
function parseQuery(query: string): Map<string, string[]> {
  const parameters = new Map<string, string[]>();
  for (const part of query === '' ? [] : query.split('&')) {
    const at = part.indexOf('=');
    const key = decode(at < 0 ? part : part.slice(0, at));
    const known = parameters.get(key);
    const written = at < 0 ? `${part}=` : part;
    if (known === undefined) parameters.set(key, [written]);
    else known.push(written);
  }
  return parameters;
}

function writeQuery(parameters: ReadonlyMap<string, readonly string[]>): string {
  const parts = [...parameters].toSorted(([a], [b]) => (a < b ? -1 : 1)).flatMap(([, written]) => written);
  return parts.length === 0 ? '' : `?${parts.join('&')}`;
}

/** Bytes as characters; what is no escape stays as it is. */
function decode(text: string): string {
  return text.replace(/%([0-9a-fA-F]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));
}

function encode(text: string): string {
  return text.replace(/[^A-Za-z0-9\-._~]/g, (character) => {
    const code = character.charCodeAt(0);
    return code > 0xff ? encodeURIComponent(character) : `%${code.toString(16).toUpperCase().padStart(2, '0')}`;
  });
}
