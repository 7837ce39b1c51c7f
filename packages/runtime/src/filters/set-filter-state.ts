import { compileFormat } from '../format.ts';
import { parseFormat } from '@meltemi/match';
import type { Reader } from '../decode/reader.ts';
import { FILTER_STATE, HASHABLE } from '../filter-state.ts';
import { defineFilter, type FilterKind } from './define.ts';
import type { MetadataStruct } from './types.ts';

interface StateValue {
  readonly key: string;
  readonly format: string;
  /** In place of what is not known. */
  readonly missing: string;
  readonly hashable: boolean;
  readonly skipIfEmpty: boolean;
}

/** The kinds of objects that texts are made into; every other one has its own meaning elsewhere in Envoy. */
const FACTORIES: Readonly<Record<string, boolean>> = { 'envoy.string': false, [HASHABLE]: true };

/** Writes texts into the state of the stream (`envoy.filters.http.set_filter_state`), for hash policies. */
export const setFilterStateFilter: FilterKind = defineFilter<readonly StateValue[], never>({
  t: 'set-filter-state',
  types: ['envoy.extensions.filters.http.set_filter_state.v3.Config'],
  overrideTypes: [],
  decode: (reader) => reader.messages('on_request_headers').map(decodeValue),
  compile(values) {
    const entries = values.map((value) => ({ ...value, render: compileFormat(value.format, value.missing) }));
    if (entries.length === 0) return undefined;
    return {
      decide(context) {
        const state: Record<string, MetadataStruct> = {};
        for (const { key, render, hashable, skipIfEmpty } of entries) {
          const value = render.render(context.format);
          if (value !== '' || !skipIfEmpty) state[key] = { value, hashable };
        }
        return { metadata: { [FILTER_STATE]: { ...context.metadata(FILTER_STATE), ...state } } };
      },
    };
  },
});

function decodeValue(reader: Reader): StateValue {
  const key = reader.string('object_key');
  reader.require('object_key', key !== '', 'missing');
  const factory = reader.string('factory_key') === '' ? key : reader.string('factory_key');
  const hashable = Object.hasOwn(FACTORIES, factory) ? FACTORIES[factory] : undefined;
  reader.require('factory_key', hashable !== undefined, `"${factory}" is not supported by this proxy: ${Object.keys(FACTORIES).join(' and ')} are`);
  const shared = reader.string('shared_with_upstream');
  reader.require('shared_with_upstream', shared === '' || shared === 'NONE', 'state that upstreams see is not supported by this proxy');
  reader.require('read_only', !reader.bool('read_only'), 'state that nobody may replace is not supported by this proxy');
  return { key, ...decodeFormat(reader), hashable: hashable === true, skipIfEmpty: reader.bool('skip_if_empty') };
}

function decodeFormat(reader: Reader): Pick<StateValue, 'format' | 'missing'> {
  const format = reader.message('format_string');
  const text = format?.message('text_format_source')?.string('inline_string') ?? format?.string('text_format') ?? '';
  const parsed = parseFormat(text);
  if (format === undefined || text === '') reader.fail('format_string', 'expected text as text_format_source.inline_string');
  else if (!parsed.ok) format.fail('text_format_source.inline_string', parsed.message);
  return { format: text, missing: format?.bool('omit_empty_values') === true ? '' : '-' };
}
