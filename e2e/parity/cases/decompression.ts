import { brotliCompressSync, gzipSync, zstdCompressSync } from 'node:zlib';
import type { BackendScript } from '../backend/script.ts';
import { defineCase, type ParityCase } from '../define.ts';
import { filter, filtered } from '../filters.ts';
import { any } from '../resources.ts';
import { http, type Step } from '../steps.ts';

const TEXT = 'a text that is long enough to be worth it, and then some more of it. '.repeat(20);
const NAMES = { gzip: 'Gzip', brotli: 'Brotli', zstd: 'Zstd' } as const;
const latin1 = (bytes: Buffer): string => bytes.toString('latin1');
const BODIES = { gzip: latin1(gzipSync(TEXT)), brotli: latin1(brotliCompressSync(TEXT)), zstd: latin1(zstdCompressSync(TEXT)) };
const ENCODINGS = { gzip: 'gzip', brotli: 'br', zstd: 'zstd' } as const;

type Name = keyof typeof NAMES;

const decompressor = (name: Name = 'gzip', fields: object = {}): object =>
  filter(`decompress-${name}`, 'filters.http.decompressor.v3.Decompressor', {
    decompressor_library: { name, typed_config: any(`compression.${name}.decompressor.v3.${NAMES[name]}`) },
    ...fields,
  });

function decompresses(
  name: string,
  steps: readonly Step[],
  { filters = [decompressor()], main = [{ body: 'main' }] }: { filters?: readonly object[]; main?: BackendScript } = {},
): ParityCase {
  return defineCase({ name, backends: { main }, resources: (c) => filtered(c, filters), steps });
}

const coded = (name: Name, headers: Readonly<Record<string, string>> = {}): BackendScript => [
  { headers: { 'content-encoding': ENCODINGS[name], ...headers }, body: BODIES[name] },
];
const post = (name: Name, headers: Readonly<Record<string, string>> = {}, body: string | readonly string[] = BODIES[name]) => ({
  method: 'POST',
  headers: { 'content-encoding': ENCODINGS[name], ...headers },
  body,
});
const off = { common_config: { enabled: { default_value: false, runtime_key: 'never' } } };
const plain = { status: 200, body: TEXT, headers: { 'content-encoding': null, 'content-length': null } };

/** Decompression of requests and responses. */
export const cases = [
  ...(['gzip', 'brotli', 'zstd'] as const).flatMap((name) => [
    decompresses(`a response: ${name}`, [http('/', plain)], { filters: [decompressor(name)], main: coded(name) }),
    decompresses(
      `a request: ${name}`,
      [http(post(name), { status: 200, backend: { body: TEXT, headers: { 'content-encoding': null, 'content-length': null } } })],
      {
        filters: [decompressor(name)],
      },
    ),
  ]),
  decompresses('a request in pieces', [
    http(post('gzip', {}, [BODIES.gzip.slice(0, 20), BODIES.gzip.slice(20)]), { status: 200, backend: { body: TEXT } }),
  ]),
  decompresses('the upstream is told what is taken', [
    http('/', { status: 200, backend: { headers: { 'accept-encoding': 'gzip' } } }),
    http({ headers: { 'accept-encoding': 'br' } }, { status: 200, backend: { headers: { 'accept-encoding': 'br,gzip' } } }),
  ]),
  decompresses('the upstream is not told', [http('/', { status: 200, backend: { headers: { 'accept-encoding': null } } })], {
    filters: [decompressor('gzip', { request_direction_config: { advertise_accept_encoding: false } })],
  }),
  decompresses('another encoding stays', [http('/', { status: 200, headers: { 'content-encoding': 'br' } })], {
    main: [{ headers: { 'content-encoding': 'br' }, body: BODIES.brotli }],
  }),
  decompresses('what is not to be transformed stays', [http('/', { status: 200, headers: { 'content-encoding': 'gzip' } })], {
    main: coded('gzip', { 'cache-control': 'public, no-transform' }),
  }),
  decompresses('what is not to be transformed, all the same', [http('/', plain)], {
    filters: [decompressor('gzip', { response_direction_config: { common_config: { ignore_no_transform_header: true } } })],
    main: coded('gzip', { 'cache-control': 'no-transform' }),
  }),
  decompresses(
    'requests only',
    [http(post('gzip'), { status: 200, headers: { 'content-encoding': 'gzip' }, backend: { body: TEXT, headers: { 'accept-encoding': null } } })],
    {
      filters: [decompressor('gzip', { response_direction_config: off })],
      main: coded('gzip'),
    },
  ),
  decompresses('responses only', [http(post('gzip'), { ...plain, backend: { headers: { 'content-encoding': 'gzip' } } })], {
    filters: [decompressor('gzip', { request_direction_config: off })],
    main: coded('gzip'),
  }),
  decompresses('nothing without a body', [http('/', { status: 204, headers: { 'content-encoding': 'gzip' } })], {
    main: [{ status: 204, headers: { 'content-encoding': 'gzip' } }],
  }),
];
