import { defineCase } from '../define.ts';
import { filter, filtered, settings } from '../filters.ts';
import { any, to } from '../resources.ts';
import { http, raw } from '../steps.ts';

const BUFFER = 'filters.http.buffer.v3.Buffer';
const buffer = (maxBytes: number): object => filter('buffer', BUFFER, { max_request_bytes: maxBytes });
const bufferRoute = (config: object): object => settings({ buffer: any('filters.http.buffer.v3.BufferPerRoute', config) });
const health = (config: object): object => filter('health', 'filters.http.health_check.v3.HealthCheck', { pass_through_mode: false, ...config });
const metadata = (config: object): object => filter('meta', 'filters.http.set_metadata.v3.Config', config);
const PASSED = { status: 200, body: 'main' } as const;

/** Buffer, health check, fixed metadata and statistics of gRPC. */
export const cases = [
  defineCase({
    name: 'a body is held until it is whole',
    resources: (c) => filtered(c, [buffer(1000)]),
    steps: [
      raw(['POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 6\r\n\r\nabc', { pauseMs: 50 }, 'def'], {
        status: 200,
        backend: { body: 'abcdef', headers: { 'content-length': '6' } },
      }),
    ],
  }),
  defineCase({
    name: 'chunks become a length',
    resources: (c) => filtered(c, [buffer(1000)]),
    steps: [
      http(
        { method: 'POST', body: ['abc', 'def'] },
        { status: 200, backend: { body: 'abcdef', headers: { 'content-length': '6', 'transfer-encoding': null } } },
      ),
    ],
  }),
  defineCase({
    name: 'a body that is too large is refused',
    resources: (c) => filtered(c, [buffer(10)]),
    steps: [
      raw(`POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\n${'x'.repeat(40)}`, { status: 413, body: 'Payload Too Large', backend: null }),
    ],
    log: [{ code: 413, details: 'request_payload_too_large' }],
  }),
  defineCase({
    name: 'a body as large as may be',
    resources: (c) => filtered(c, [buffer(100_000)]),
    steps: [http({ method: 'POST', body: 'x'.repeat(100_000) }, { status: 200, backend: { body: 'x'.repeat(100_000) } })],
  }),
  defineCase({ name: 'a request without a body is not held', resources: (c) => filtered(c, [buffer(10)]), steps: [http('/', PASSED)] }),
  defineCase({
    name: 'a route has its own limit, or none',
    resources: (c) =>
      filtered(
        c,
        [buffer(10)],
        [
          to(c, 'main', { prefix: '/more' }, {}, bufferRoute({ buffer: { max_request_bytes: 100 } })),
          to(c, 'main', { prefix: '/off' }, {}, bufferRoute({ disabled: true })),
          to(c, 'main'),
        ],
      ),
    steps: [
      http({ method: 'POST', path: '/more', body: ['x'.repeat(40)] }, { status: 200, backend: { headers: { 'content-length': '40' } } }),
      http({ method: 'POST', path: '/off', body: ['x'.repeat(400)] }, { status: 200, backend: { headers: { 'transfer-encoding': 'chunked' } } }),
    ],
  }),
  defineCase({
    name: 'a health check is answered by the proxy',
    resources: (c) => filtered(c, [health({ headers: [{ name: ':path', string_match: { exact: '/healthz' } }] })]),
    steps: [http('/healthz', { status: 200, body: '', backend: null }), http('/other', PASSED)],
    log: [{ path: '/healthz', code: 200 }, { code: 200 }],
  }),
  defineCase({
    name: 'statistics of gRPC change nothing',
    resources: (c) => filtered(c, [filter('stats', 'filters.http.grpc_stats.v3.FilterConfig', { stats_for_all_methods: true })]),
    steps: [http({ method: 'POST', headers: { 'content-type': 'application/grpc' }, body: '' }, { status: 200 })],
  }),
  defineCase({
    name: 'fixed metadata is merged or replaced',
    resources: (c) =>
      filtered(
        c,
        [
          metadata({ metadata: [{ metadata_namespace: 'ns', value: { a: 'first', list: ['x'], deep: { one: 1 } } }] }),
          metadata({
            metadata: [
              { metadata_namespace: 'ns', value: { a: 'second', b: 'new', list: ['y'], deep: { two: 2 } } },
              { metadata_namespace: 'over', value: { a: 'old' } },
              { metadata_namespace: 'over', allow_overwrite: true, value: { a: 'new' } },
            ],
          }),
        ],
        undefined,
        { ns: '%DYNAMIC_METADATA(ns)%', over: '%DYNAMIC_METADATA(over:a)%', text: 'a=%DYNAMIC_METADATA(ns:a)% none=%DYNAMIC_METADATA(none:a)%' },
      ),
    steps: [http('/', PASSED)],
    log: [{ over: 'new', text: 'a=first none=-' }],
  }),
];
