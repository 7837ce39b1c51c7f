import { asObject, type Reader } from '../decode/reader.ts';
import { defineFilter, type FilterKind } from './define.ts';
import type { MetadataStruct, MetadataValue } from './types.ts';

interface SetMetadata {
  readonly namespace: string;
  /** Does it count where the namespace has values already? They are merged then. */
  readonly overwrite: boolean;
  readonly value: MetadataStruct;
}

/** Writes fixed values into the dynamic metadata (`envoy.filters.http.set_metadata`). */
export const setMetadataFilter: FilterKind = defineFilter<readonly SetMetadata[], never>({
  t: 'set-metadata',
  types: ['envoy.extensions.filters.http.set_metadata.v3.Config'],
  overrideTypes: [],
  decode(reader) {
    const old = reader.string('metadata_namespace');
    const oldValue = asObject(reader.raw('value'));
    const first = old === '' ? [] : [{ namespace: old, overwrite: true, value: (oldValue ?? {}) as MetadataStruct }];
    return [...first, ...reader.messages('metadata').map(decodeOne)];
  },
  compile(entries) {
    if (entries.length === 0) return undefined;
    return {
      decide(context) {
        const metadata: Record<string, MetadataStruct> = {};
        for (const { namespace, overwrite, value } of entries) {
          const before = metadata[namespace] ?? context.metadata(namespace);
          if (before === undefined) metadata[namespace] = value;
          else if (overwrite) metadata[namespace] = mergeStructs(before, value);
        }
        return { metadata };
      },
    };
  },
});

function decodeOne(reader: Reader): SetMetadata {
  const namespace = reader.string('metadata_namespace');
  reader.require('metadata_namespace', namespace !== '', 'missing');
  reader.require('typed_value', !reader.has('typed_value'), 'typed metadata is not supported by this proxy');
  reader.harmless('typed_value');
  return { namespace, overwrite: reader.bool('allow_overwrite'), value: (asObject(reader.raw('value')) ?? {}) as MetadataStruct };
}

/** Structs are merged, lists appended, the rest is replaced. */
function mergeStructs(before: MetadataStruct, added: MetadataStruct): MetadataStruct {
  const merged: Record<string, MetadataValue> = { ...before };
  for (const [key, value] of Object.entries(added)) {
    const known = Object.hasOwn(merged, key) ? merged[key] : undefined;
    if (Array.isArray(known) && Array.isArray(value)) merged[key] = [...(known as MetadataValue[]), ...(value as MetadataValue[])];
    else if (known !== undefined && isStruct(known) && isStruct(value)) merged[key] = mergeStructs(known, value);
    else merged[key] = value;
  }
  return merged;
}

function isStruct(value: MetadataValue): value is { readonly [key: string]: MetadataValue } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
