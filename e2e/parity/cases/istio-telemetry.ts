import { decodeMeshConfig } from '@meltemi/api';
import { DEFAULT_MESH_CONFIG, meshConfigFrom, type MeshConfig } from '@meltemi/model';
import type { BackendScript } from '../backend/script.ts';
import { defineCase, type ParityCase } from '../define.ts';
import type { CaseContext } from '../harness/context.ts';
import { http, istio, rule } from '../istio.ts';
import { collected, http as ask, type Step } from '../steps.ts';

interface Setting {
  readonly name: string;
  /** A MeshConfig; `$collector` is the host of the collector, `$address` where it listens. */
  readonly mesh: string;
  /** Does the collector speak gRPC? */
  readonly grpc: boolean;
  readonly steps: readonly Step[];
  readonly log?: ParityCase['log'];
}

/** What a MeshConfig says of logs and traces. */
function settingsOf(c: CaseContext, text: string): Partial<MeshConfig> {
  const { host, port } = c.backend('collector');
  const { settings, findings } = decodeMeshConfig(
    text.replaceAll('$collector', `collector.${c.id}.example`).replaceAll('$address', `${host}:${port}`),
  );
  if (settings === undefined || findings.length > 0) throw new Error(findings.map(({ message }) => message).join('\n'));
  const { telemetry, tracingSamplingPercent } = meshConfigFrom(DEFAULT_MESH_CONFIG, settings);
  return { telemetry, tracingSamplingPercent, enableTracing: telemetry.spans !== undefined };
}

/** A gateway whose mesh names a collector. */
function told({ name, mesh, grpc, steps, log = [] }: Setting): ParityCase {
  const collector: BackendScript = { t: 'collector', http: grpc ? 'http2' : 'http1' };
  return defineCase({
    name,
    backends: { web: [{ body: 'web' }], collector },
    resources: (c) => {
      const upgrade = grpc ? `---\n${rule('collector', '{ connectionPool: { http: { h2UpgradePolicy: UPGRADE } } }')}` : '';
      return istio(c, `${http('- name: all\n  route: [{ destination: { host: $web } }]')}${upgrade}`, settingsOf(c, mesh));
    },
    steps,
    log,
  });
}

const request = ask({ path: '/x', headers: { 'x-tenant': 'blue' } }, { status: 200, body: 'web' });
const provider = (use: string, text: string): string => `extensionProviders: [{ name: own, ${text} }]\ndefaultProviders: { ${use}: [own] }\n`;
const TRACED = 'defaultConfig: { tracing: { sampling: 100, customTags: { tenant: { header: { name: x-tenant } } } } }';

/** Providers of MeshConfig, from the settings to what a collector gets. */
export const cases: readonly ParityCase[] = [
  told({
    name: 'envoyHttpAls sends entries to a service of the mesh',
    grpc: true,
    mesh: provider('accessLogging', 'envoyHttpAls: { service: $collector, port: 80, logName: shop, additionalRequestHeadersToLog: [x-tenant] }'),
    steps: [request, collected([{ identifier: { log_name: 'shop' } }, { request: { path: '/x', request_headers: { 'x-tenant': 'blue' } } }])],
  }),
  told({
    name: 'envoyOtelAls sends records with labels',
    grpc: true,
    mesh: provider(
      'accessLogging',
      'envoyOtelAls: { service: $collector, port: 80, logFormat: { text: "%REQ(:METHOD)%", labels: { code: "%RESPONSE_CODE%" } } }',
    ),
    steps: [request, collected([{ body: { string_value: 'GET' }, attributes: { code: '200' } }])],
  }),
  told({
    name: 'enableEnvoyAccessLogService sends entries to an address',
    grpc: true,
    mesh: 'enableEnvoyAccessLogService: true\ndefaultConfig: { envoyAccessLogService: { address: "$address" } }\ndefaultProviders: { accessLogging: [] }',
    steps: [request, collected([{ identifier: { log_name: 'http_envoy_accesslog' } }, { request: { path: '/x' } }])],
    log: [{ path: '/x' }],
  }),
  told({
    name: 'opentelemetry sends spans over gRPC',
    grpc: true,
    mesh: provider('tracing', 'opentelemetry: { service: $collector, port: 80, maxTagLength: 1 }') + TRACED,
    steps: [
      request,
      collected([
        { kind: 'SPAN_KIND_CLIENT', attributes: { tenant: 'blue' } },
        { kind: 'SPAN_KIND_SERVER', attributes: { tenant: 'blue', 'http.url': 'http://test.example/' } },
      ]),
    ],
    log: [{ path: '/x' }],
  }),
  told({
    name: 'opentelemetry sends spans over HTTP, with headers',
    grpc: false,
    mesh:
      provider('tracing', 'opentelemetry: { service: $collector, port: 80, http: { path: /otlp, headers: [{ name: x-key, value: "100%" }] } }') +
      TRACED,
    steps: [request, collected([{ kind: 'SPAN_KIND_CLIENT', request: { path: '/otlp' } }, { kind: 'SPAN_KIND_SERVER' }])],
    log: [{ path: '/x' }],
  }),
  told({
    name: 'zipkin sends spans, and hands both kinds of context on',
    grpc: false,
    mesh: provider('tracing', 'zipkin: { service: $collector, port: 80, traceContextOption: USE_B3_WITH_W3C_PROPAGATION }') + TRACED,
    steps: [
      request,
      collected([
        { kind: 'CLIENT', tags: { tenant: 'blue' } },
        { kind: 'SERVER', request: { path: '/api/v2/spans' } },
      ]),
    ],
    log: [{ path: '/x' }],
  }),
  told({
    name: 'defaultConfig.tracing.zipkin sends spans to an address',
    grpc: false,
    mesh: 'defaultConfig: { tracing: { sampling: 100, zipkin: { address: "$address" } } }',
    steps: [request, collected([{ kind: 'CLIENT' }, { kind: 'SERVER' }])],
    log: [{ path: '/x' }],
  }),
];
