import { decodeExtension, type ExtensionTable } from '../decode/any.ts';
import type { Reader } from '../decode/reader.ts';
import { defineFilter, type FilterKind } from './define.ts';
import type { FilterResponse, FilterVerdict, HeaderEdit, HttpFilter, PayloadTransform } from './types.ts';

/** How a library compresses. */
interface Library {
  readonly encoding: 'gzip' | 'br' | 'zstd';
  /** For the proxy's half. */
  readonly settings: Readonly<Record<string, string | number | boolean>>;
}

interface CompressorConfig {
  readonly library: Library;
  readonly enabled: boolean;
  readonly minLength: number;
  /** Lower-case media types. */
  readonly types: readonly string[];
  readonly notWithEtag: boolean;
  readonly removeAcceptEncoding: boolean;
  /** Of encodings that the client likes equally, the one that comes first in the chain is taken, not the one it names first. */
  readonly chooseFirst: boolean;
}

interface CompressorRoute {
  readonly disabled: boolean;
  readonly removeAcceptEncoding?: boolean;
}

const TYPE = 'compressor';
const DEFAULT_MIN_LENGTH = 30;
const DEFAULT_TYPES = [
  'text/html',
  'text/plain',
  'text/css',
  'application/javascript',
  'application/x-javascript',
  'text/javascript',
  'text/x-javascript',
  'text/ecmascript',
  'text/js',
  'text/jscript',
  'text/x-js',
  'application/ecmascript',
  'application/x-json',
  'application/xml',
  'application/json',
  'image/svg+xml',
  'text/xml',
  'application/xhtml+xml',
];

/** Compresses responses for clients that take that (`envoy.filters.http.compressor`). */
export const compressorFilter: FilterKind = defineFilter<CompressorConfig, CompressorRoute>({
  t: TYPE,
  types: ['envoy.extensions.filters.http.compressor.v3.Compressor'],
  overrideTypes: ['envoy.extensions.filters.http.compressor.v3.CompressorPerRoute'],
  decode: decodeConfig,
  decodeOverride(reader) {
    if (reader.bool('disabled')) return { disabled: true };
    const direction = reader.message('overrides')?.message('response_direction_config');
    return direction?.has('remove_accept_encoding_header') === true
      ? { disabled: false, removeAcceptEncoding: direction.bool('remove_accept_encoding_header') }
      : { disabled: false };
  },
  compile(config, { overrides, chain }) {
    const own = overrides.at(-1);
    if (own?.disabled === true || !config.enabled) return undefined;
    const remove = own?.removeAcceptEncoding ?? config.removeAcceptEncoding;
    const offered = offeredBy(chain);
    const edits: FilterVerdict = remove ? { request: [{ name: 'accept-encoding', action: 'remove', value: '' }] } : {};
    return {
      decide({ request }) {
        const accepted = request.header('accept-encoding');
        return { ...(accepted === undefined ? {} : edits), response: { onResponse: (response) => compress(config, offered, accepted, response) } };
      },
    };
  },
});

/** A compressor of the chain, as the others see it. */
interface Offer {
  readonly encoding: string;
  readonly types: readonly string[];
  readonly minLength: number;
}

function offeredBy(chain: readonly HttpFilter[]): readonly Offer[] {
  return chain
    .filter((filter) => filter.t === TYPE)
    .map(({ config }) => config as CompressorConfig)
    .map(({ library, types, minLength }) => ({ encoding: library.encoding, types, minLength }));
}

function decodeConfig(reader: Reader): CompressorConfig {
  const response = reader.message('response_direction_config');
  refuseRequests(reader.message('request_direction_config'));
  const library = reader.message('compressor_library');
  if (library === undefined) reader.fail('compressor_library', 'missing');
  // The older spelling stands beside the new one, and counts where that is not used.
  reader.harmless('content_length', 'content_type', 'disable_on_etag_header', 'remove_accept_encoding_header', 'runtime_enabled');
  const { common, names } =
    response === undefined ? { common: reader, names: OLD_NAMES } : { common: response.message('common_config'), names: NEW_NAMES };
  const named = common?.strings('content_type') ?? [];
  const direction = response ?? reader;
  return {
    library: (library === undefined ? undefined : decodeExtension(library, LIBRARIES)) ?? { encoding: 'gzip', settings: {} },
    enabled: flag(common, names.enabled, true),
    minLength: common?.number(names.length, DEFAULT_MIN_LENGTH) ?? DEFAULT_MIN_LENGTH,
    types: (named.length === 0 ? DEFAULT_TYPES : named).map((type) => type.toLowerCase()),
    notWithEtag: direction.bool('disable_on_etag_header'),
    removeAcceptEncoding: direction.bool('remove_accept_encoding_header'),
    chooseFirst: reader.bool('choose_first'),
  };
}

const NEW_NAMES = { enabled: 'enabled', length: 'min_content_length' };
const OLD_NAMES = { enabled: 'runtime_enabled', length: 'content_length' };

function refuseRequests(reader: Reader | undefined): void {
  const common = reader?.message('common_config');
  reader?.require('', !flag(common, 'enabled', false), 'compressing requests is not supported by this proxy');
  common?.harmless('min_content_length', 'content_type');
}

function flag(reader: Reader | undefined, field: string, fallback: boolean): boolean {
  const message = reader?.message(field);
  message?.harmless('runtime_key');
  return message?.bool('default_value', fallback) ?? fallback;
}

const LEVELS: Readonly<Record<string, number>> = {
  DEFAULT_COMPRESSION: -1,
  BEST_SPEED: 1,
  BEST_COMPRESSION: 9,
  ...Object.fromEntries(Array.from({ length: 9 }, (_, index) => [`COMPRESSION_LEVEL_${index + 1}`, index + 1])),
};
const STRATEGIES = { DEFAULT_STRATEGY: 0, FILTERED: 1, HUFFMAN_ONLY: 2, RLE: 3, FIXED: 4 };
const BROTLI_MODES = { DEFAULT: 0, GENERIC: 0, TEXT: 1, FONT: 2 };
const ZSTD_STRATEGIES = { DEFAULT: 0, FAST: 1, DFAST: 2, GREEDY: 3, LAZY: 4, LAZY2: 5, BTLAZY2: 6, BTOPT: 7, BTULTRA: 8, BTULTRA2: 9 };

const LIBRARIES: ExtensionTable<Library> = {
  'envoy.extensions.compression.gzip.compressor.v3.Gzip'(config) {
    // The size of the pieces that it puts out.
    config.harmless('chunk_size');
    return {
      encoding: 'gzip',
      settings: {
        level: config.oneOf('compression_level', LEVELS, -1),
        memLevel: config.number('memory_level', 5),
        strategy: config.oneOf('compression_strategy', STRATEGIES, 0),
        windowBits: config.number('window_bits', 12),
      },
    };
  },
  'envoy.extensions.compression.brotli.compressor.v3.Brotli'(config) {
    config.harmless('chunk_size', 'input_block_bits', 'disable_literal_context_modeling');
    return {
      encoding: 'br',
      settings: {
        quality: config.number('quality', 3),
        mode: config.oneOf('encoder_mode', BROTLI_MODES, 0),
        windowBits: config.number('window_bits', 18),
      },
    };
  },
  'envoy.extensions.compression.zstd.compressor.v3.Zstd'(config) {
    config.harmless('chunk_size');
    return {
      encoding: 'zstd',
      settings: {
        level: config.number('compression_level', 3),
        checksum: config.bool('enable_checksum'),
        strategy: config.oneOf('strategy', ZSTD_STRATEGIES, 0),
      },
    };
  },
};

function compress(
  config: CompressorConfig,
  offered: readonly Offer[],
  accepted: string | undefined,
  response: FilterResponse,
): { readonly edits: readonly HeaderEdit[]; readonly transform?: PayloadTransform } | undefined {
  if (!isEligible(config, response)) return undefined;
  const vary = varyEdits(response.header('vary'));
  const { library, chooseFirst } = config;
  // The proxy's own answers are short.
  if (response.endOfStream || response.local || chosenEncoding(accepted, { offered, chooseFirst, response }) !== library.encoding)
    return { edits: vary };
  const etag = response.header('etag');
  const strong = etag !== undefined && etag.length > 2 && !/^w\//i.test(etag);
  return {
    edits: [
      { name: 'content-encoding', action: 'overwrite', value: library.encoding },
      // It is the tag of other bytes.
      ...(strong ? [{ name: 'etag', action: 'remove' as const, value: '' }] : []),
      ...vary,
    ],
    transform: { t: TYPE, encoding: library.encoding, ...library.settings },
  };
}

function isEligible(config: CompressorConfig, response: FilterResponse): boolean {
  const header = (name: string): string | undefined => response.header(name);
  if (response.status === 101 || !isLongEnough(config.minLength, response) || !isOfType(config.types, response)) return false;
  if (header('content-encoding') !== undefined || /no-transform/i.test(header('cache-control') ?? '')) return false;
  if (config.notWithEtag && header('etag') !== undefined) return false;
  return !/gzip|deflate/i.test(header('transfer-encoding') ?? '');
}

function isLongEnough(minLength: number, response: FilterResponse): boolean {
  // As Envoy has it: an answer of its own without a body is of no length at all, and may vary.
  if (response.local && response.endOfStream) return true;
  const length = response.header('content-length');
  return length === undefined || Number(length) >= minLength;
}

function isOfType(types: readonly string[], response: FilterResponse): boolean {
  const type = response.header('content-type');
  return type === undefined || types.includes((type.split(';', 1)[0] ?? '').trim().toLowerCase());
}

interface Choice {
  readonly offered: readonly Offer[];
  readonly chooseFirst: boolean;
  readonly response: FilterResponse;
}

/** What the client likes best of what the chain's compressors offer for this response; `identity` = nothing (RFC 9110 section 12.5.3). */
function chosenEncoding(accepted: string | undefined, { offered, chooseFirst, response }: Choice): string {
  if (accepted === undefined) return 'identity';
  const able = offered
    .filter(({ types, minLength }) => isOfType(types, response) && isLongEnough(minLength, response))
    .map(({ encoding }) => encoding);
  const wishes = accepted.split(',').map(parseWish);
  const named = wishes.filter(({ coding }) => able.includes(coding) || coding === 'identity');
  const any = wishes.find(({ coding }) => coding === '*');
  const [first] = able.filter((encoding) => !named.some(({ coding }) => coding === encoding));
  const all = any === undefined || first === undefined ? named : [...named, { coding: first, weight: any.weight }];
  const usable = all.filter(({ weight }) => weight > 0);
  const order = (coding: string): number => (chooseFirst && coding !== 'identity' ? able.indexOf(coding) : 0);
  const [best] = usable.toSorted((a, b) => b.weight - a.weight || order(a.coding) - order(b.coding));
  return best?.coding ?? 'identity';
}

function parseWish(text: string): { readonly coding: string; readonly weight: number } {
  const [coding = '', ...parameters] = text.split(';').map((part) => part.trim());
  const quality = parameters.find((parameter) => /^q=/i.test(parameter))?.slice(2);
  const weight = quality === undefined ? 1 : /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/.test(quality) ? Number(quality) : 0;
  return { coding: coding.toLowerCase(), weight };
}

function varyEdits(vary: string | undefined): readonly HeaderEdit[] {
  if (vary === undefined) return [{ name: 'vary', action: 'overwrite', value: 'Accept-Encoding' }];
  const names = vary.split(',').map((name) => name.trim().toLowerCase());
  return names.includes('accept-encoding') || names.includes('*') ? [] : [{ name: 'vary', action: 'overwrite', value: `${vary}, Accept-Encoding` }];
}
