import { defineCase, type ParityCase } from '../define.ts';
import type { BackendScript } from '../backend/script.ts';
import type { CaseContext } from '../harness/context.ts';
import { any, cluster, direct, hcm, HTTP2_UPSTREAM, listener, to, type Resources } from '../resources.ts';
import { collected, http } from '../steps.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const SPAN = 'b7ad6b7169203331';
const SAMPLED = `00-${TRACE}-${SPAN}-01`;
const UNSAMPLED = `00-${TRACE}-${SPAN}-00`;
const GRPC_COLLECTOR: BackendScript = { t: 'collector', http: 'http2' };
const HTTP_COLLECTOR: BackendScript = { t: 'collector', http: 'http1' };
const ALL = { random_sampling: { value: 100 } };
const NONE = { random_sampling: { value: 0 } };

function otel(c: CaseContext, more: object = {}): object {
  return {
    name: 'envoy.tracers.opentelemetry',
    typed_config: any('envoy.config.trace.v3.OpenTelemetryConfig', {
      grpc_service: { envoy_grpc: { cluster_name: c.name('collector') }, timeout: '2s' },
      service_name: 'shop',
      ...more,
    }),
  };
}

const overHttp = (c: CaseContext, more: object = {}): object => ({
  name: 'envoy.tracers.opentelemetry',
  typed_config: any('envoy.config.trace.v3.OpenTelemetryConfig', {
    http_service: {
      http_uri: { uri: 'http://otel.test/v1/traces', cluster: c.name('collector'), timeout: '2s' },
      request_headers_to_add: [{ header: { key: 'x-token', value: 'secret' } }],
    },
    service_name: 'shop',
    ...more,
  }),
});

function zipkin(c: CaseContext, more: object = {}): object {
  return {
    name: 'envoy.tracers.zipkin',
    typed_config: any('envoy.config.trace.v3.ZipkinConfig', {
      collector_cluster: c.name('collector'),
      collector_endpoint: '/api/v2/spans',
      collector_endpoint_version: 'HTTP_JSON',
      ...more,
    }),
  };
}

interface Setting {
  readonly provider?: (c: CaseContext) => object;
  readonly tracing?: object;
  readonly routes?: (c: CaseContext) => readonly object[];
  readonly direction?: 'INBOUND' | 'OUTBOUND';
  readonly hcm?: object;
}

/** One listener that traces. */
function traced(c: CaseContext, { provider = otel, tracing = ALL, routes = (k) => [to(k, 'main')], direction, hcm: options }: Setting): Resources {
  const config = { tracing: { provider: provider(c), ...tracing }, ...options };
  const overGrpc = JSON.stringify(provider(c)).includes('grpc_service');
  return {
    listeners: [listener(c, [hcm(c, routes(c), config)], direction === undefined ? {} : { traffic_direction: direction })],
    clusters: [cluster(c, 'main'), cluster(c, 'collector', overGrpc ? HTTP2_UPSTREAM : {})],
  };
}

function tracing(
  name: string,
  {
    collector = GRPC_COLLECTOR,
    main = [{ body: 'main' }],
    ...setting
  }: Setting & { readonly collector?: BackendScript; readonly main?: BackendScript },
  steps: ParityCase['steps'],
): ParityCase {
  return defineCase({ name, backends: { main, collector }, resources: (c) => traced(c, setting), steps });
}

const last = http({ path: '/last', headers: { 'x-request-id': 'b0000000-0000-9000-8000-000000000000' } }, { status: 200 });
/** A request that is traced for certain: what would have been reported before it has come. */
const LAST = [last, collected([{}])];
const LAST_OF_TWO = [last, collected([{}, {}])];
const zipkinSetting = { provider: zipkin, collector: HTTP_COLLECTOR };
const sampler = (type: string, fields: object = {}): object => ({
  name: type,
  typed_config: any(`envoy.extensions.tracers.opentelemetry.samplers.v3.${type}`, fields),
});

/** Spans as collectors see them, and the context that upstreams get. */
export const cases = [
  tracing('an OTLP span of a new trace', {}, [
    http('/x?y', { status: 200, backend: [{ at: 'main', headers: { traceparent: /^00-<trace id>-<trace id>-01$/ } }] }),
    collected([
      {
        name: 'ingress',
        kind: 'SPAN_KIND_SERVER',
        attributes: { 'http.url': 'http://test.example/x?y', 'http.method': 'GET', 'http.status_code': '200', upstream_cluster: '<id>-main' },
        resource: { 'service.name': 'shop' },
      },
    ]),
  ]),
  tracing("the caller's trace goes on", {}, [
    http({ headers: { traceparent: SAMPLED, tracestate: 'a=b' } }, { status: 200, backend: [{ headers: { tracestate: 'a=b' } }] }),
    collected([{ parent_span_id: /./, trace_state: 'a=b' }]),
  ]),
  tracing('what the caller has sampled and is not chosen here goes on unsampled', { tracing: NONE }, [
    http({ headers: { traceparent: SAMPLED } }, { status: 200, backend: [{ headers: { traceparent: /-00$/ } }] }),
    ...LAST,
  ]),
  tracing('what a Zipkin caller has sampled and is not chosen here', { ...zipkinSetting, tracing: NONE }, [
    http({ headers: { 'x-b3-traceid': TRACE, 'x-b3-spanid': SPAN, 'x-b3-sampled': '1' } }, { status: 200 }),
    ...LAST_OF_TWO,
  ]),
  tracing('what the caller has not sampled is not reported', {}, [
    http({ headers: { traceparent: UNSAMPLED } }, { status: 200, backend: [{ headers: { traceparent: /-00$/ } }] }),
    ...LAST,
  ]),
  tracing('what is not chosen goes on unsampled', { tracing: NONE }, [
    http('/', { status: 200, backend: [{ headers: { traceparent: /-00$/ } }] }),
    ...LAST,
  ]),
  tracing('a broken traceparent goes on as it is', {}, [
    http({ headers: { traceparent: '00-zz-11-01' } }, { status: 200, backend: [{ headers: { traceparent: '00-zz-11-01' } }] }),
    ...LAST,
  ]),
  tracing('the span of a client', { direction: 'OUTBOUND' }, [
    http('/', { status: 200 }),
    collected([{ name: 'egress test.example', kind: 'SPAN_KIND_CLIENT' }]),
  ]),
  tracing('an error is told', { routes: () => [direct('no', { prefix: '/' }, {}, 503)] }, [
    http('/', { status: 503 }),
    collected([{ attributes: { 'http.status_code': '503', error: 'true' } }]),
  ]),
  tracing(
    'tags of the connection manager and of the route',
    {
      tracing: {
        ...ALL,
        custom_tags: [
          { tag: 'fixed', literal: { value: 'one' } },
          { tag: 'both', literal: { value: 'manager' } },
          { tag: 'from', request_header: { name: 'X-Client', default_value: 'nobody' } },
          { tag: 'absent', request_header: { name: 'x-none' } },
          { tag: 'place', environment: { name: 'MELTEMI_NO_SUCH', default_value: 'here' } },
        ],
      },
      routes: (c) => [to(c, 'main', { prefix: '/' }, {}, { tracing: { custom_tags: [{ tag: 'both', literal: { value: 'route' } }] } })],
    },
    [
      http({ headers: { 'x-client': 'c' } }, { status: 200 }),
      collected([{ attributes: { fixed: 'one', both: 'route', from: 'c', absent: null, place: 'here' } }]),
    ],
  ),
  tracing('a long path is cut in its tag', { tracing: { ...ALL, max_path_tag_length: 5 } }, [
    http('/0123456789', { status: 200 }),
    collected([{ attributes: { 'http.url': 'http://test.example/0123' } }]),
  ]),
  tracing(
    'a route samples in place of the connection manager',
    {
      tracing: NONE,
      routes: (c) => [to(c, 'main', { prefix: '/yes' }, {}, { tracing: { random_sampling: { numerator: 100 } } }), to(c, 'main', { prefix: '/no' })],
    },
    [http('/no', { status: 200 }), http('/yes', { status: 200 }), collected([{ attributes: { 'http.url': 'http://test.example/yes' } }])],
  ),
  tracing(
    'the request id says that it is traced, and the next proxy believes it',
    { tracing: { ...NONE, client_sampling: { value: 100 } }, hcm: { always_set_request_id_in_response: true } },
    [
      http({ headers: { 'x-request-id': 'a0000000-0000-4000-8000-000000000000' } }, { status: 200 }),
      http({ headers: { 'x-request-id': 'b0000000-0000-9000-8000-000000000000' } }, { status: 200 }),
      http({ headers: { 'x-request-id': 'c0000000-0000-4000-8000-000000000000', 'x-client-trace-id': 'me' } }, { status: 200 }),
      collected([{}, { attributes: { 'guid:x-client-trace-id': 'me' } }]),
    ],
  ),
  tracing(
    'a caller from inside forces a trace, one from outside does not',
    {
      tracing: NONE,
      hcm: { use_remote_address: true, internal_address_config: { cidr_ranges: [{ address_prefix: '127.0.0.0', prefix_len: 8 }] } },
    },
    [
      http({ path: '/in', headers: { 'x-envoy-force-trace': 'true' } }, { status: 200 }),
      http({ path: '/out', headers: { 'x-envoy-force-trace': 'true', 'x-forwarded-for': '9.9.9.9' } }, { status: 200 }),
      collected([{ attributes: { 'http.url': 'http://test.example/in' } }]),
    ],
  ),
  tracing(
    'a decorator names the operation of the client, and tells the server',
    { direction: 'OUTBOUND', routes: (c) => [to(c, 'main', { prefix: '/' }, {}, { decorator: { operation: 'shop:80/*' } })] },
    [
      http('/', { status: 200, backend: [{ headers: { 'x-envoy-decorator-operation': 'shop:80/*' } }] }),
      collected([{ name: 'shop:80/*', kind: 'SPAN_KIND_CLIENT' }]),
    ],
  ),
  tracing(
    'a decorator that is not handed on',
    { direction: 'OUTBOUND', routes: (c) => [to(c, 'main', { prefix: '/' }, {}, { decorator: { operation: 'shop', propagate: false } })] },
    [http('/', { status: 200, backend: [{ headers: { 'x-envoy-decorator-operation': null } }] }), collected([{ name: 'shop' }])],
  ),
  tracing(
    'the server takes the name that the client has told',
    { direction: 'INBOUND', routes: (c) => [to(c, 'main', { prefix: '/' }, {}, { decorator: { operation: 'own' } })] },
    [
      http({ headers: { 'x-envoy-decorator-operation': 'told' } }, { status: 200, headers: { 'x-envoy-decorator-operation': null } }),
      http('/', { status: 200, headers: { 'x-envoy-decorator-operation': 'own' } }),
      collected([{ name: 'own' }, { name: 'told' }]),
    ],
  ),
  tracing(
    'the client takes the name that the server tells',
    { direction: 'OUTBOUND', main: [{ headers: { 'x-envoy-decorator-operation': 'served' }, body: 'main' }] },
    [http('/', { status: 200, headers: { 'x-envoy-decorator-operation': null } }), collected([{ name: 'served' }])],
  ),
  tracing('each attempt has a span of its own', { tracing: { ...ALL, spawn_upstream_span: true } }, [
    http('/', { status: 200 }),
    collected([
      { name: 'router <id>-main egress', kind: 'SPAN_KIND_CLIENT' },
      { name: 'ingress', kind: 'SPAN_KIND_SERVER' },
    ]),
  ]),
  tracing('a sampler that takes everything', { provider: (c) => otel(c, { sampler: sampler('AlwaysOnSamplerConfig') }) }, [
    http('/', { status: 200, backend: [{ headers: { traceparent: /-01$/ } }] }),
    collected([{ name: 'ingress' }]),
  ]),
  tracing(
    'a sampler by ratio that takes nothing',
    { provider: (c) => otel(c, { sampler: sampler('TraceIdRatioBasedSamplerConfig', { sampling_percentage: { numerator: 0 } }) }) },
    [http('/', { status: 200, backend: [{ headers: { traceparent: /-00$/ } }] }), collected([])],
  ),
  tracing(
    'a sampler that asks the parent first',
    {
      provider: (c) => otel(c, { sampler: sampler('ParentBasedSamplerConfig', { wrapped_sampler: sampler('AlwaysOnSamplerConfig') }) }),
    },
    [
      http({ path: '/no', headers: { traceparent: UNSAMPLED } }, { status: 200 }),
      http('/new', { status: 200 }),
      collected([{ attributes: { 'http.url': 'http://test.example/new' } }]),
    ],
  ),
  tracing('OTLP over HTTP', { provider: overHttp, collector: HTTP_COLLECTOR }, [
    http('/', { status: 200 }),
    collected([{ name: 'ingress', request: { path: '/v1/traces', host: 'otel.test', type: 'application/x-protobuf' } }]),
  ]),
  tracing(
    'resource attributes that stand in the configuration',
    {
      provider: (c) =>
        otel(c, {
          resource_detectors: [
            {
              name: 'envoy.tracers.opentelemetry.resource_detectors.static_config',
              typed_config: any('envoy.extensions.tracers.opentelemetry.resource_detectors.v3.StaticConfigResourceDetectorConfig', {
                attributes: { region: 'south' },
              }),
            },
          ],
        }),
    },
    [http('/', { status: 200 }), collected([{ resource: { region: 'south' } }])],
  ),
  tracing('a Zipkin span of a new trace', zipkinSetting, [
    http('/x', { status: 200, backend: [{ headers: { 'x-b3-sampled': '1', traceparent: null } }] }),
    collected([
      {
        kind: 'SERVER',
        name: 'test.example',
        localEndpoint: { serviceName: 'parity' },
        tags: { 'http.method': 'GET', 'http.status_code': '200' },
        request: { path: '/api/v2/spans', host: '<id>-collector', type: 'application/json' },
      },
    ]),
  ]),
  tracing('128 bits for a new trace', { ...zipkinSetting, provider: (c) => zipkin(c, { trace_id_128bit: true }) }, [
    http('/x', { status: 200 }),
    collected([{ name: 'test.example' }]),
  ]),
  tracing("a Zipkin server shares its caller's span", zipkinSetting, [
    http({ headers: { 'x-b3-traceid': TRACE, 'x-b3-spanid': SPAN, 'x-b3-parentspanid': 'aaaaaaaaaaaaaaaa', 'x-b3-sampled': '1' } }, { status: 200 }),
    collected([{ kind: 'SERVER', shared: true }]),
  ]),
  tracing('a Zipkin server with a span of its own', { ...zipkinSetting, provider: (c) => zipkin(c, { shared_span_context: false }) }, [
    http({ headers: { 'x-b3-traceid': TRACE, 'x-b3-spanid': SPAN, 'x-b3-sampled': '1' } }, { status: 200 }),
    collected([{ parentId: /./ }]),
  ]),
  tracing('a Zipkin client', { ...zipkinSetting, direction: 'OUTBOUND' }, [
    http({ headers: { 'x-b3-traceid': TRACE, 'x-b3-spanid': SPAN, 'x-b3-sampled': '1' } }, { status: 200 }),
    collected([{ kind: 'CLIENT', name: 'test.example' }]),
  ]),
  tracing('a B3 caller decides', zipkinSetting, [
    http({ headers: { 'x-b3-traceid': TRACE, 'x-b3-spanid': SPAN, 'x-b3-sampled': '0' } }, { status: 200 }),
    http({ headers: { 'x-b3-sampled': '0' } }, { status: 200, backend: [{ headers: { 'x-b3-sampled': '0' } }] }),
    ...LAST,
  ]),
  tracing('B3 in one header', zipkinSetting, [http({ headers: { b3: `${TRACE}-${SPAN}-1` } }, { status: 200 }), collected([{ shared: true }])]),
  tracing('B3 and W3C side by side', { ...zipkinSetting, provider: (c) => zipkin(c, { trace_context_option: 'USE_B3_WITH_W3C_PROPAGATION' }) }, [
    http({ path: '/w3c', headers: { traceparent: SAMPLED } }, { status: 200, backend: [{ headers: { 'x-b3-sampled': '1' } }] }),
    http('/new', { status: 200 }),
    collected([{}, {}]),
  ]),
  tracing('a Zipkin span for each attempt', { ...zipkinSetting, tracing: { ...ALL, spawn_upstream_span: true } }, [
    http('/', { status: 200 }),
    collected([
      { kind: 'CLIENT', name: 'router <id>-main egress' },
      { kind: 'SERVER', name: 'test.example' },
    ]),
  ]),
];
