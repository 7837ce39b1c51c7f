import { defineCase, type ParityCase } from '../define.ts';
import type { BackendScript } from '../backend/script.ts';
import { DISABLED, filter, filtered, settings } from '../filters.ts';
import { any, direct, to } from '../resources.ts';
import { http, type Expectation, type Http1Request, type Step } from '../steps.ts';

const TEXT = 'a text that is long enough to be worth it, and then some more of it. '.repeat(20);
const html = (more: Readonly<Record<string, string>> = {}, body: string | readonly string[] = TEXT): BackendScript => [
  { headers: { 'content-type': 'text/html; charset=utf-8', ...more }, body },
];

const library = (name: 'gzip' | 'brotli' | 'zstd', config: object = {}): object => ({
  name,
  typed_config: any(`compression.${name}.compressor.v3.${{ gzip: 'Gzip', brotli: 'Brotli', zstd: 'Zstd' }[name]}`, config),
});
const compressor = (name: 'gzip' | 'brotli' | 'zstd' = 'gzip', fields: object = {}): object =>
  filter(`compress-${name}`, 'filters.http.compressor.v3.Compressor', { compressor_library: library(name), ...fields });

const accepts = (encoding: string): Http1Request => ({ headers: { 'accept-encoding': encoding } });
const PLAIN: Expectation = { status: 200, body: TEXT, headers: { 'content-encoding': null, 'content-length': String(TEXT.length) } };
const coded = (encoding: string): Expectation => ({
  status: 200,
  body: TEXT,
  headers: { 'content-encoding': encoding, 'content-length': null, 'transfer-encoding': 'chunked', vary: 'Accept-Encoding' },
});

function compresses(
  name: string,
  steps: readonly Step[],
  { filters = [compressor()], main = html() }: { filters?: readonly object[]; main?: BackendScript } = {},
): ParityCase {
  return defineCase({ name, backends: { main }, resources: (c) => filtered(c, filters), steps });
}

const common = (fields: object, more: object = {}): object => compressor('gzip', { response_direction_config: { common_config: fields, ...more } });
const ALL = [compressor('gzip'), compressor('brotli'), compressor('zstd')];

/** Compression of responses. */
export const cases = [
  compresses('gzip for who takes it', [http(accepts('gzip'), coded('gzip'))]),
  compresses('brotli', [http(accepts('br'), coded('br'))], { filters: [compressor('brotli')] }),
  compresses('zstd', [http(accepts('zstd'), coded('zstd'))], { filters: [compressor('zstd')] }),
  compresses('nothing without a word', [http('/', { ...PLAIN, headers: { ...PLAIN.headers, vary: 'Accept-Encoding' } })]),
  compresses('nothing for who takes something else', [http(accepts('br'), PLAIN), http(accepts('identity'), PLAIN)]),
  compresses('nothing for who refuses it', [http(accepts('gzip;q=0'), PLAIN), http(accepts('gzip; q=0, *;q=0'), PLAIN)]),
  compresses('anything', [http(accepts('*'), coded('gzip'))]),
  compresses(
    'the client says which it likes best',
    [http(accepts('gzip;q=0.5, br;q=0.8, zstd;q=0.1'), coded('br')), http(accepts('zstd, gzip;q=0.9'), coded('zstd'))],
    { filters: ALL },
  ),
  compresses('of equals the first that the client names', [http(accepts('br, gzip'), coded('br')), http(accepts('zstd, br, gzip'), coded('zstd'))], {
    filters: ALL,
  }),
  compresses('plain is liked better', [http(accepts('gzip;q=0.5, identity'), PLAIN)]),
  compresses('too short to be worth it', [http(accepts('gzip'), { status: 200, body: 'short', headers: { 'content-encoding': null, vary: null } })], {
    main: html({}, 'short'),
  }),
  compresses('a length from which on', [http(accepts('gzip'), PLAIN)], { filters: [common({ min_content_length: 100_000 })] }),
  compresses('a body of unknown length', [http(accepts('gzip'), coded('gzip'))], { main: html({}, [TEXT.slice(0, 500), TEXT.slice(500)]) }),
  compresses('a type that is not compressed', [http(accepts('gzip'), { ...PLAIN, headers: { ...PLAIN.headers, vary: null } })], {
    main: html({ 'content-type': 'image/png' }),
  }),
  compresses('a type that is named', [http(accepts('gzip'), coded('gzip'))], {
    main: html({ 'content-type': 'application/x-own' }),
    filters: [common({ content_type: ['application/x-own'] })],
  }),
  compresses('only types that are named', [http(accepts('gzip'), PLAIN)], { filters: [common({ content_type: ['application/x-own'] })] }),
  compresses('what is compressed already', [http(accepts('gzip'), { status: 200, headers: { 'content-encoding': 'own', vary: null } })], {
    main: html({ 'content-encoding': 'own' }),
  }),
  compresses('what must not be transformed', [http(accepts('gzip'), PLAIN)], { main: html({ 'cache-control': 'public, no-transform' }) }),
  compresses('a strong tag is for other bytes', [http(accepts('gzip'), { body: TEXT, headers: { 'content-encoding': 'gzip', etag: null } })], {
    main: html({ etag: '"abc"' }),
  }),
  compresses('a weak tag stays', [http(accepts('gzip'), { body: TEXT, headers: { 'content-encoding': 'gzip', etag: 'W/"abc"' } })], {
    main: html({ etag: 'W/"abc"' }),
  }),
  compresses('a tag may forbid it', [http(accepts('gzip'), { ...PLAIN, headers: { ...PLAIN.headers, etag: '"abc"' } })], {
    main: html({ etag: '"abc"' }),
    filters: [common({}, { disable_on_etag_header: true })],
  }),
  compresses('vary is extended', [http(accepts('gzip'), { headers: { vary: 'Cookie, Accept-Encoding' } })], { main: html({ vary: 'Cookie' }) }),
  compresses('vary that says it already', [http(accepts('gzip'), { body: TEXT })], {
    main: html({ vary: 'cookie, accept-encoding' }),
  }),
  compresses(
    'the application is told what the client takes, or not',
    [http(accepts('gzip'), { body: TEXT, backend: { headers: { 'accept-encoding': null } } })],
    {
      filters: [common({}, { remove_accept_encoding_header: true })],
    },
  ),
  compresses('it may be switched off', [http(accepts('gzip'), { ...PLAIN, headers: { ...PLAIN.headers, vary: null } })], {
    filters: [common({ enabled: { default_value: false, runtime_key: 'x' } })],
  }),
  compresses('the older spelling', [http(accepts('gzip'), PLAIN)], { filters: [compressor('gzip', { content_length: 100_000 })] }),
  compresses('HEAD has nothing to compress', [
    http({ method: 'HEAD', ...accepts('gzip') }, { status: 200, body: '', headers: { 'content-encoding': null } }),
  ]),
  compresses('a large body', [http(accepts('gzip'), { status: 200, body: TEXT.repeat(300), headers: { 'content-encoding': 'gzip' } })], {
    main: html({}, TEXT.repeat(300)),
  }),
  compresses('three on a connection', [
    http(accepts('gzip'), coded('gzip'), { on: 'a' }),
    http('/', PLAIN, { on: 'a' }),
    http(accepts('gzip'), coded('gzip'), { on: 'a' }),
  ]),
  defineCase({
    name: 'a route without it',
    backends: { main: html() },
    resources: (c) =>
      filtered(
        c,
        [compressor()],
        [
          to(
            c,
            'main',
            { prefix: '/off' },
            {},
            settings({ 'compress-gzip': any('filters.http.compressor.v3.CompressorPerRoute', { disabled: true }) }),
          ),
          to(c, 'main', { prefix: '/gone' }, {}, settings({ 'compress-gzip': DISABLED })),
          to(
            c,
            'main',
            { prefix: '/silent' },
            {},
            settings({
              'compress-gzip': any('filters.http.compressor.v3.CompressorPerRoute', {
                overrides: { response_direction_config: { remove_accept_encoding_header: true } },
              }),
            }),
          ),
          to(c, 'main'),
        ],
      ),
    steps: [
      http({ path: '/off', ...accepts('gzip') }, PLAIN),
      http({ path: '/gone', ...accepts('gzip') }, PLAIN),
      http(
        { path: '/silent', ...accepts('gzip') },
        { body: TEXT, headers: { 'content-encoding': 'gzip' }, backend: { headers: { 'accept-encoding': null } } },
      ),
      http(accepts('gzip'), coded('gzip')),
    ],
  }),
  defineCase({
    name: 'filters before see the compressed head',
    backends: { main: html() },
    resources: (c) =>
      filtered(c, [
        filter('mutation', 'filters.http.header_mutation.v3.HeaderMutation', {
          mutations: { response_mutations: [{ append: { header: { key: 'x-coding', value: '%RESP(content-encoding)%' } } }] },
        }),
        compressor(),
      ]),
    steps: [http(accepts('gzip'), { headers: { 'x-coding': 'gzip' } })],
  }),
  defineCase({
    name: "the proxy's own answers are too short",
    resources: (c) => filtered(c, [compressor()], [direct('short', { path: '/short' })]),
    steps: [
      http({ path: '/short', ...accepts('gzip') }, { status: 200, body: 'short' }),
      http({ path: '/none', ...accepts('gzip') }, { status: 404 }),
    ],
  }),
];
