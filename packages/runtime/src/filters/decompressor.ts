import { decodeExtension, type ExtensionTable } from '../decode/any.ts';
import type { Reader } from '../decode/reader.ts';
import { defineFilter, type FilterKind } from './define.ts';
import type { FilterResponse, FilterVerdict, HeaderEdit, ResponseVerdict } from './types.ts';

/** What is taken off, and how much more than it was a body may become. */
interface Library {
  readonly encoding: 'gzip' | 'br' | 'zstd';
  readonly maxRatio: number;
}

interface Direction {
  readonly enabled: boolean;
  /** Also of bodies that are not to be transformed (`cache-control: no-transform`). */
  readonly always: boolean;
}

interface DecompressorConfig {
  readonly library: Library;
  readonly request: Direction & { readonly advertise: boolean };
  readonly response: Direction;
}

/** For the proxy's half. */
export interface DecompressQuestion {
  readonly encoding: string;
  readonly maxRatio: number;
}

const TYPE = 'decompressor';

/** Takes the compression off bodies of requests and responses (`envoy.filters.http.decompressor`). */
export const decompressorFilter: FilterKind = defineFilter<DecompressorConfig, never>({
  t: TYPE,
  types: ['envoy.extensions.filters.http.decompressor.v3.Decompressor'],
  overrideTypes: [],
  decode(reader) {
    const library = reader.message('decompressor_library');
    if (library === undefined) reader.fail('decompressor_library', 'missing');
    const request = reader.message('request_direction_config');
    return {
      library: (library === undefined ? undefined : decodeExtension(library, LIBRARIES)) ?? { encoding: 'gzip', maxRatio: DEFAULT_MAX_RATIO },
      request: { ...decodeDirection(request), advertise: request?.bool('advertise_accept_encoding', true) ?? true },
      response: decodeDirection(reader.message('response_direction_config')),
    };
  },
  compile({ library, request: own, response }) {
    if (!own.enabled && !response.enabled) return undefined;
    const { encoding, maxRatio } = library;
    const onResponse = response.enabled ? { response: { onResponse: responseOf(library, response) } } : {};
    return {
      decide({ request, endOfStream }) {
        const edits: HeaderEdit[] = response.enabled && own.advertise ? [advertise(request.header('accept-encoding'), encoding)] : [];
        const rest = endOfStream || !own.enabled ? undefined : without(encoding, own, (name) => request.header(name));
        if (rest === undefined) return { ...(edits.length === 0 ? {} : { request: edits }), ...onResponse } satisfies FilterVerdict;
        edits.push(...rest);
        return { request: edits, ...onResponse, ask: { encoding, maxRatio } satisfies DecompressQuestion };
      },
    };
  },
});

function responseOf({ encoding, maxRatio }: Library, direction: Direction) {
  return (response: FilterResponse): ResponseVerdict | undefined => {
    const edits = response.endOfStream ? undefined : without(encoding, direction, (name) => response.header(name));
    return edits === undefined ? undefined : { edits, transform: { t: TYPE, encoding, maxRatio } };
  };
}

function advertise(accepted: string | undefined, encoding: string): HeaderEdit {
  return { name: 'accept-encoding', action: 'overwrite', value: accepted === undefined ? encoding : `${accepted},${encoding}` };
}

/** The edits of a head whose body loses this encoding, which must be the outermost one; undefined = it stays as it is. */
function without(encoding: string, { always }: Direction, header: (name: string) => string | undefined): readonly HeaderEdit[] | undefined {
  const encodings = header('content-encoding')?.split(',') ?? [];
  if (encodings[0]?.trim().toLowerCase() !== encoding) return undefined;
  if (!always && /(?:^|,)\s*no-transform\s*(?:,|$)/i.test(header('cache-control') ?? '')) return undefined;
  const rest = encodings.slice(1).join(',').trim();
  return [
    rest === '' ? { name: 'content-encoding', action: 'remove', value: '' } : { name: 'content-encoding', action: 'overwrite', value: rest },
    { name: 'content-length', action: 'remove', value: '' },
  ];
}

function decodeDirection(reader: Reader | undefined): Direction {
  const common = reader?.message('common_config');
  const enabled = common?.message('enabled');
  enabled?.harmless('runtime_key');
  return { enabled: enabled?.bool('default_value', true) ?? true, always: common?.bool('ignore_no_transform_header') ?? false };
}

/** Envoy's, for gzip. */
const DEFAULT_MAX_RATIO = 100;
/** More than the best that each of the others does with bytes that repeat. */
const LOOSE_MAX_RATIO = 2_000;

const LIBRARIES: ExtensionTable<Library> = {
  'envoy.extensions.compression.gzip.decompressor.v3.Gzip': (config) => {
    // Any window is taken, and pieces are as large as they come.
    config.harmless('window_bits', 'chunk_size');
    return { encoding: 'gzip', maxRatio: config.number('max_inflate_ratio', DEFAULT_MAX_RATIO) };
  },
  'envoy.extensions.compression.brotli.decompressor.v3.Brotli': (config) => {
    config.harmless('disable_ring_buffer_reallocation', 'chunk_size');
    return { encoding: 'br', maxRatio: LOOSE_MAX_RATIO };
  },
  'envoy.extensions.compression.zstd.decompressor.v3.Zstd': (config) => {
    config.harmless('chunk_size');
    config.require('dictionaries', config.messages('dictionaries').length === 0, 'dictionaries are not supported by this proxy');
    return { encoding: 'zstd', maxRatio: LOOSE_MAX_RATIO };
  },
};
