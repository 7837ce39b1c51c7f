import type { Reader } from '../decode/reader.ts';
import { defineFilter, mostSpecific, type FilterKind } from './define.ts';

/** 0 = off on this route. */
interface BufferConfig {
  readonly maxBytes: number;
}

/** Holds a request until its body is here, whole (`envoy.filters.http.buffer`). Bodies beyond the limit are answered with 413. */
export const bufferFilter: FilterKind = defineFilter<BufferConfig, BufferConfig>({
  t: 'buffer',
  types: ['envoy.extensions.filters.http.buffer.v3.Buffer'],
  overrideTypes: ['envoy.extensions.filters.http.buffer.v3.BufferPerRoute'],
  decode: decodeBuffer,
  decodeOverride(reader) {
    if (reader.bool('disabled')) return { maxBytes: 0 };
    const buffer = reader.message('buffer');
    if (buffer === undefined) reader.fail('', 'neither disabled nor buffer is set');
    return buffer === undefined ? { maxBytes: 0 } : decodeBuffer(buffer);
  },
  compile(own, site) {
    const { maxBytes } = mostSpecific(own, site);
    if (maxBytes === 0) return undefined;
    const verdict = { body: { maxBytes, partial: false, setLength: true } };
    return { decide: ({ endOfStream }) => (endOfStream ? undefined : verdict) };
  },
});

function decodeBuffer(reader: Reader): BufferConfig {
  const maxBytes = reader.number('max_request_bytes', 0);
  reader.require('max_request_bytes', maxBytes > 0, 'must be more than 0');
  return { maxBytes };
}
