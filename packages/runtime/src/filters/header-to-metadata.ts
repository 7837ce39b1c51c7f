import { compileRegex } from '@meltemi/match';
import { readCookie } from '../compile/hash.ts';
import type { RequestView } from '../compiled.ts';
import { isReserved } from '../decode/common.ts';
import { decodeSubstitution, type Substitution } from '../decode/substitution.ts';
import type { Reader } from '../decode/reader.ts';
import { fromBase64Url, fromUtf8 } from '../jwt/base64.ts';
import { defineFilter, mostSpecific, type FilterKind } from './define.ts';
import type { FilterVerdict, HeaderEdit, MetadataStruct, MetadataValue } from './types.ts';

/** Where a value goes, and what becomes of it on the way. */
interface Target {
  readonly namespace: string;
  readonly key: string;
  /** Stands in place of the header's; '' = the header's own. */
  readonly value: string;
  readonly rewrite?: Substitution;
  readonly type: 'string' | 'number';
  readonly base64: boolean;
}

interface Rule {
  /** Lower-case; '' for cookies. */
  readonly header: string;
  readonly cookie: string;
  readonly present?: Target;
  readonly missing?: Target;
  readonly remove: boolean;
}

interface ToMetadata {
  readonly request: readonly Rule[];
  readonly response: readonly Rule[];
}

const TYPE = 'envoy.extensions.filters.http.header_to_metadata.v3.Config';
const NAMESPACE = 'envoy.filters.http.header_to_metadata';
/** Longer values are not kept, as in Envoy. */
const MAX_VALUE_LENGTH = 8 * 1024;

/** Values of headers and cookies become dynamic metadata (`envoy.filters.http.header_to_metadata`). */
export const headerToMetadataFilter: FilterKind = defineFilter<ToMetadata, ToMetadata>({
  t: 'header-to-metadata',
  types: [TYPE],
  overrideTypes: [TYPE],
  decode: decodeConfig,
  decodeOverride: decodeConfig,
  compile(own, site) {
    const config = mostSpecific(own, site);
    const request = compileRules(config.request);
    const response = compileRules(config.response);
    if (request === undefined && response === undefined) return undefined;
    const hook: FilterVerdict =
      response === undefined ? {} : { response: { onResponse: (seen) => response((name) => seen.header(name), undefined) } };
    return {
      decide({ request: view }) {
        if (request === undefined) return hook;
        const { edits, metadata } = request((name) => view.header(name), view);
        return { ...hook, ...(edits.length === 0 ? {} : { request: edits }), ...(metadata === undefined ? {} : { metadata }) };
      },
    };
  },
});

// ------------------------------------------------------------------------------------------------------------------ decode

function decodeConfig(reader: Reader): ToMetadata {
  return {
    request: reader.messages('request_rules').map((rule) => decodeRule(rule, true)),
    response: reader.messages('response_rules').map((rule) => decodeRule(rule, false)),
  };
}

function decodeRule(reader: Reader, ofRequest: boolean): Rule {
  const header = reader.string('header').toLowerCase();
  const cookie = reader.string('cookie');
  const present = reader.message('on_header_present');
  const missing = reader.message('on_header_missing');
  const remove = reader.bool('remove');
  reader.require('header', (header === '') !== (cookie === ''), 'one of header and cookie must be set');
  reader.require('cookie', ofRequest || cookie === '', 'a response has no cookies to read');
  reader.require('', present !== undefined || missing !== undefined, 'neither on_header_present nor on_header_missing is set');
  reader.require('remove', !remove || (cookie === '' && !isReserved(header)), 'a cookie, and what names the request, cannot be removed');
  const absent = missing === undefined ? undefined : decodeTarget(missing);
  missing?.require('value', absent?.value !== '', 'what is not there has no value of its own');
  return {
    header,
    cookie,
    ...(present === undefined ? {} : { present: decodeTarget(present) }),
    ...(absent === undefined ? {} : { missing: absent }),
    remove,
  };
}

function decodeTarget(reader: Reader): Target {
  const namespace = reader.string('metadata_namespace');
  const key = reader.string('key');
  const value = reader.string('value');
  const rewrite = reader.message('regex_value_rewrite');
  reader.require('key', key !== '', 'missing');
  reader.require('regex_value_rewrite', rewrite === undefined || value === '', 'value and regex_value_rewrite cannot both be set');
  return {
    namespace: namespace === '' ? NAMESPACE : namespace,
    key,
    value,
    ...(rewrite === undefined ? {} : { rewrite: decodeSubstitution(rewrite) }),
    type: reader.oneOf<Target['type']>('type', { STRING: 'string', NUMBER: 'number' }, 'string'),
    base64: reader.oneOf('encode', { NONE: false, BASE64: true }, false),
  };
}

// ----------------------------------------------------------------------------------------------------------------- compile

interface Found {
  readonly edits: readonly HeaderEdit[];
  readonly metadata?: Readonly<Record<string, MetadataStruct>>;
}

type Find = (header: (name: string) => string | undefined, request: RequestView | undefined) => Found;

function compileRules(rules: readonly Rule[]): Find | undefined {
  if (rules.length === 0) return undefined;
  const compiled = rules.map((rule) => ({ rule, present: compileTarget(rule.present), missing: compileTarget(rule.missing) }));
  return (header, request) => {
    const edits: HeaderEdit[] = [];
    const metadata: Record<string, Record<string, MetadataValue>> = {};
    for (const { rule, present, missing } of compiled) {
      const value = rule.cookie === '' ? header(rule.header) : cookieOf(request, rule.cookie);
      const target = value === undefined ? missing : present;
      const kept = target?.(value ?? '');
      if (kept !== undefined) (metadata[kept.namespace] ??= {})[kept.key] = kept.value;
      if (rule.remove && value !== undefined) edits.push({ name: rule.header, action: 'remove', value: '' });
    }
    return Object.keys(metadata).length === 0 ? { edits } : { edits, metadata };
  };
}

function cookieOf(request: RequestView | undefined, name: string): string | undefined {
  const value = request === undefined ? '' : readCookie(request, name);
  return value === '' ? undefined : value;
}

interface Kept {
  readonly namespace: string;
  readonly key: string;
  readonly value: MetadataValue;
}

function compileTarget(target: Target | undefined): (value: string) => Kept | undefined {
  if (target === undefined) return () => undefined;
  const { namespace, key, type, base64, rewrite } = target;
  const regex = rewrite === undefined ? undefined : compileRegex(rewrite.pattern);
  return (header) => {
    const given = target.value === '' ? header : target.value;
    const text = regex === undefined || rewrite === undefined ? given : regex.replaceAll(given, rewrite.substitution);
    if (text === '' || text.length >= MAX_VALUE_LENGTH) return undefined;
    const decoded = base64 ? textOfBase64(text) : text;
    const value = decoded === undefined || type === 'string' ? decoded : numberOf(decoded);
    return value === undefined ? undefined : { namespace, key, value };
  };
}

function textOfBase64(text: string): string | undefined {
  const bytes = fromBase64Url(
    text
      .replaceAll('+', '-')
      .replaceAll('/', '_')
      .replace(/={1,2}$/, ''),
  );
  return bytes === undefined || bytes.length === 0 ? undefined : fromUtf8(bytes);
}

function numberOf(text: string): number | undefined {
  const value = Number(text);
  return text.trim() === '' || !Number.isFinite(value) ? undefined : value;
}
