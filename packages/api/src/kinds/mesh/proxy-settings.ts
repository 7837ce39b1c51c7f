import { z } from 'zod';
import type { DeepReadonly } from '../../config.ts';
import { environment } from '../../schema/environment.ts';
import { count, duration, durationMin1ms, int32, nonEmpty, opt, portNumber, req, text, uint32 } from '../../schema/fields.ts';
import { headerNameFault } from '../../schema/formats.ts';
import { oneOf } from '../../schema/one-of.ts';

const anything = z.record(z.string(), z.unknown());
const certificateDetails = z.enum(['UNDEFINED', 'SANITIZE', 'FORWARD_ONLY', 'APPEND_FORWARD', 'SANITIZE_SET', 'ALWAYS_FORWARD_ONLY']);
const hostAndPort = text((value) => {
  const port = Number(/^(?:[\w.-]+|\[[0-9a-fA-F:]+\]):(\d{1,5})$/.exec(value)?.[1] ?? 0);
  return port >= 1 && port <= 65_535 ? undefined : `"${value}" is not host:port`;
});
const tagName = text((value) => (value === '' ? 'the name of a tag must not be empty' : undefined));
const customTag = oneOf(
  z.strictObject({
    literal: opt(z.strictObject({ value: req(nonEmpty, 'The value.') }), 'Always this value.'),
    environment: opt(
      z.strictObject({ name: req(nonEmpty, 'Name.'), defaultValue: opt(z.string(), 'Value without it.') }),
      'An environment variable of the proxy.',
    ),
    header: opt(
      z.strictObject({ name: req(text(headerNameFault), 'Name.'), defaultValue: opt(z.string(), 'Value without it.') }),
      'A header of the request.',
    ),
  }),
  ['literal', 'environment', 'header'],
  { required: true },
);
/** What both data planes can do at most and at least: Envoy's bounds. */
const window = z.int().min(65_535).max(2_147_483_647);
const connectionSettings = z.strictObject({
  profile: opt(z.enum(['SIDECAR', 'EDGE']), 'EDGE: what is good for gateways that face the internet, where nothing else is said.'),
  listenerPerConnectionBufferLimitBytes: opt(count, 'Buffer of a connection that came in.'),
  clusterPerConnectionBufferLimitBytes: opt(count, 'Buffer of a connection that goes out.'),
  httpIdleTimeout: opt(duration, 'Idle connections are closed; default 1h.'),
  httpMaxConnectionDuration: opt(duration, 'Older connections are closed; 0s: none.'),
  httpDrainTimeout: opt(duration, 'How long a connection is drained.'),
  httpRequestTimeout: opt(duration, 'For the whole of a request to come; 0s: none.'),
  httpRequestHeadersTimeout: opt(duration, 'For the headers of a request to come; 0s: none.'),
  httpStreamIdleTimeout: opt(duration, 'For anything to happen on a request; 0s: none.'),
  httpMaxStreamDuration: opt(duration, 'For a request and its response; 0s: none.'),
  httpMaxConcurrentStreams: opt(z.int().min(1).max(2_147_483_647), 'Requests at a time on one HTTP/2 connection.'),
  http2InitialStreamWindowSize: opt(window, 'Window of an HTTP/2 stream.'),
  http2InitialConnectionWindowSize: opt(window, 'Window of an HTTP/2 connection.'),
  httpHeadersWithUnderscoresAction: opt(
    z.enum([
      'HEADERS_WITH_UNDERSCORES_UNSPECIFIED',
      'HEADERS_WITH_UNDERSCORES_ALLOW',
      'HEADERS_WITH_UNDERSCORES_REJECT_REQUEST',
      'HEADERS_WITH_UNDERSCORES_DROP_HEADER',
    ]),
    'What becomes of header names with "_".',
  ),
  httpMergeSlashes: opt(z.boolean(), 'Slashes in a row become one.'),
  httpPathWithEscapedSlashesAction: opt(
    z.enum(['PATH_WITH_ESCAPED_SLASHES_UNSPECIFIED', 'KEEP_UNCHANGED', 'REJECT_REQUEST', 'UNESCAPE_AND_REDIRECT', 'UNESCAPE_AND_FORWARD']),
    'What becomes of %2F and %5C in paths.',
  ),
  listenerConnectionLimit: opt(count, 'Connections of a listener at most.'),
  globalDownstreamConnectionLimit: opt(count, 'Connections of a proxy at most.'),
});
const switchOff = z.strictObject({ disabled: opt(z.boolean(), 'Leave it out.') });

/** Istio's ProxyConfig inside MeshConfig (`defaultConfig`): the settings of a proxy. */
export const proxySettings = z.strictObject({
  configPath: opt(z.string(), 'Folder of generated files.'),
  binaryPath: opt(z.string(), 'Program of the proxy.'),
  serviceCluster: opt(z.string(), 'Name of the workload in traces.'),
  tracingServiceName: opt(
    z.enum(['APP_LABEL_AND_NAMESPACE', 'CANONICAL_NAME_ONLY', 'CANONICAL_NAME_AND_NAMESPACE']),
    'Name of the workload in traces.',
  ),
  drainDuration: opt(durationMin1ms, 'How long connections of a configuration that is gone may go on; default 45s.'),
  terminationDrainDuration: opt(durationMin1ms, 'How long a proxy that is told to end takes to finish what runs; default 5s.'),
  discoveryAddress: opt(z.string(), 'Address of the control plane.'),
  discoveryRefreshDelay: opt(duration, 'Deprecated.'),
  zipkinAddress: opt(z.string(), 'Deprecated.'),
  statsdUdpAddress: opt(z.string(), 'Statistics by UDP.'),
  envoyMetricsServiceAddress: opt(z.string(), 'Deprecated.'),
  proxyAdminPort: opt(portNumber, 'Admin port.'),
  availabilityZone: opt(z.string(), 'Deprecated.'),
  controlPlaneAuthPolicy: opt(z.enum(['NONE', 'MUTUAL_TLS', 'INHERIT']), 'How proxies call the control plane.'),
  customConfigFile: opt(z.string(), 'Configuration of your own.'),
  statNameLength: opt(int32, 'Longest name in statistics.'),
  concurrency: opt(count, 'Threads of a proxy; 0: one for each processor.'),
  proxyBootstrapTemplatePath: opt(z.string(), 'Template of the bootstrap.'),
  interceptionMode: opt(z.enum(['REDIRECT', 'TPROXY', 'NONE']), 'How connections come to the proxy.'),
  tracing: opt(
    z.strictObject({
      zipkin: opt(
        z.strictObject({ address: req(hostAndPort, 'Host and port of the service.') }),
        'Spans go to Zipkin as well, unless defaultProviders.tracing says another.',
      ),
      lightstep: opt(anything, 'Lightstep.'),
      datadog: opt(anything, 'Datadog.'),
      stackdriver: opt(anything, 'Stackdriver.'),
      openCensusAgent: opt(anything, 'OpenCensus.'),
      customTags: opt(z.record(tagName, customTag), 'Tags of spans, by name.'),
      maxPathTagLength: opt(uint32, 'Longest path in a tag; default 256.'),
      sampling: opt(z.number().min(0).max(100), 'Share of requests whose trace starts here, 0 to 100; default 1.'),
      tlsSettings: opt(anything, 'TLS towards the collector.'),
      enableIstioTags: opt(z.boolean(), 'Tags of Istio.'),
    }),
    'Traces.',
  ),
  sds: opt(anything, 'Deprecated.'),
  envoyAccessLogService: opt(
    z.strictObject({
      address: req(hostAndPort, 'Host and port of the service.'),
      tlsSettings: opt(anything, 'TLS.'),
      tcpKeepalive: opt(anything, 'Keepalive.'),
    }),
    "Envoy's log service, for enableEnvoyAccessLogService.",
  ),
  envoyMetricsService: opt(anything, 'Metrics over gRPC.'),
  proxyMetadata: opt(environment, 'Environment variables of the proxy.'),
  runtimeValues: opt(z.record(z.string(), z.string()), 'Runtime flags of Envoy.'),
  statusPort: opt(portNumber, 'Port of health and merged metrics.'),
  extraStatTags: opt(z.array(z.string()), 'Further labels of metrics.'),
  gatewayTopology: opt(
    z.strictObject({
      numTrustedProxies: opt(uint32, 'Proxies in front of the gateway whose x-forwarded-for is believed.'),
      forwardClientCertDetails: opt(certificateDetails, 'What becomes of x-forwarded-client-cert at gateways; default SANITIZE_SET.'),
      proxyProtocol: opt(z.strictObject({}), 'Connections to gateways begin with the PROXY protocol, of which the address of the client is taken.'),
    }),
    'What stands in front of gateways.',
  ),
  meshId: opt(z.string(), 'Name of the mesh.'),
  readinessProbe: opt(anything, 'Probe of the application.'),
  proxyStatsMatcher: opt(anything, 'Which statistics are kept.'),
  holdApplicationUntilProxyStarts: opt(z.boolean(), 'The application is started when its proxy serves.'),
  caCertificatesPem: opt(z.array(z.string()), 'Further roots.'),
  image: opt(anything, 'Image of the proxy.'),
  privateKeyProvider: opt(anything, 'Where keys are kept.'),
  proxyHeaders: opt(
    z.strictObject({
      forwardedClientCert: opt(certificateDetails, 'What becomes of x-forwarded-client-cert at sidecars; default APPEND_FORWARD.'),
      setCurrentClientCertDetails: opt(
        z.strictObject({
          subject: opt(z.boolean(), 'Subject; default true.'),
          cert: opt(z.boolean(), 'Certificate; default false.'),
          chain: opt(z.boolean(), 'Chain; default false.'),
          dns: opt(z.boolean(), 'DNS names; default true.'),
          uri: opt(z.boolean(), 'URIs; default true.'),
        }),
        'Parts of the client certificate that are handed on.',
      ),
      requestId: opt(switchOff, 'Header x-request-id.'),
      server: opt(
        z.strictObject({ disabled: opt(z.boolean(), 'Leave it as it came.'), value: opt(z.string(), 'Its value; default istio-envoy.') }),
        'Header server.',
      ),
      attemptCount: opt(switchOff, 'Header x-envoy-attempt-count.'),
      envoyDebugHeaders: opt(switchOff, 'Headers x-envoy-…'),
      metadataExchangeHeaders: opt(anything, 'Headers of peers.'),
      preserveHttp1HeaderCase: opt(z.boolean(), 'Letters of header names.'),
      xForwardedHost: opt(z.strictObject({ enabled: opt(z.boolean(), 'Add it.') }), 'Header x-forwarded-host.'),
      xForwardedPort: opt(z.strictObject({ enabled: opt(z.boolean(), 'Add it.') }), 'Header x-forwarded-port.'),
    }),
    'Headers that proxies add.',
  ),
  fileFlushInterval: opt(duration, 'Time between writes of the access log.'),
  fileFlushMinSizeKb: opt(uint32, 'Size of a write of the access log.'),
  statsCompression: opt(z.boolean(), 'Compressed statistics.'),
  connectionSettings: opt(connectionSettings, 'Limits of connections.'),
});

/** Settings of proxies that are in force. */
export type ProxySettings = DeepReadonly<z.output<typeof proxySettings>>;

const BUILT_IN = 'agents start the proxy and write what it needs';
const PROVIDERS = 'spans go to zipkin, opentelemetry and the control plane';
const BUFFERS = 'buffers of the embedded proxy have bounds of their own';
const LIMITS = 'how many connections a proxy takes is its own, bounded number';
const STATISTICS = 'statistics are those of the mesh';

/** What of it is not in force. */
export const PROXY_UNSUPPORTED: Readonly<Record<string, string>> = {
  'configPath!=./etc/istio/proxy': BUILT_IN,
  'binaryPath!=/usr/local/bin/envoy': 'write meltemi proxy --envoy',
  serviceCluster: 'traces carry the name of the workload',
  tracingServiceName: 'traces carry the name of the workload',
  'discoveryAddress!=istiod.istio-system.svc:15012': 'agents are told the address when they join',
  discoveryRefreshDelay: 'configuration is pushed',
  zipkinAddress: PROVIDERS,
  statsdUdpAddress: STATISTICS,
  envoyMetricsServiceAddress: STATISTICS,
  'proxyAdminPort!=15000': 'the admin port is 15000',
  availabilityZone: 'the locality of a workload is told when it joins',
  'controlPlaneAuthPolicy!=MUTUAL_TLS': 'the control plane takes mutual TLS only',
  customConfigFile: BUILT_IN,
  'statNameLength!=189': STATISTICS,
  proxyBootstrapTemplatePath: BUILT_IN,
  interceptionMode: 'each workload says it when it joins',
  'tracing.lightstep': PROVIDERS,
  'tracing.datadog': PROVIDERS,
  'tracing.stackdriver': PROVIDERS,
  'tracing.openCensusAgent': PROVIDERS,
  'tracing.tlsSettings': PROVIDERS,
  'tracing.enableIstioTags!=true': 'the tags of Istio are always there',
  sds: BUILT_IN,
  'envoyAccessLogService.tlsSettings': 'the log service is called in clear; name a service of the mesh in extensionProviders for mutual TLS',
  'envoyAccessLogService.tcpKeepalive': 'keepalive is that of the mesh',
  envoyMetricsService: STATISTICS,
  runtimeValues: 'the embedded proxy has no runtime flags of Envoy',
  'statusPort!=15020': 'the agent serves health and metrics on 15020',
  extraStatTags: STATISTICS,
  'meshId!=cluster.local': 'a mesh is named by its trust domain',
  readinessProbe: 'write the probe of a WorkloadGroup, or meltemi run --ready-path',
  proxyStatsMatcher: STATISTICS,
  'holdApplicationUntilProxyStarts=false': 'applications are always started when their proxy serves',
  caCertificatesPem: 'the roots of the mesh are the only ones',
  image: 'proxies are no images here',
  privateKeyProvider: 'keys stay in the memory of the agent',
  'proxyHeaders.setCurrentClientCertDetails.chain!=false': 'the embedded proxy does not hand chains on',
  'proxyHeaders.attemptCount.disabled=true': 'the attempt is always told',
  'proxyHeaders.envoyDebugHeaders': 'they are always there',
  'proxyHeaders.metadataExchangeHeaders': 'peers are known by their certificates; no header tells them',
  'proxyHeaders.preserveHttp1HeaderCase=false': 'the embedded proxy keeps header names as they came; leave it out',
  fileFlushInterval: 'the access log is written at once',
  fileFlushMinSizeKb: 'the access log is written at once',
  statsCompression: STATISTICS,
  'connectionSettings.listenerPerConnectionBufferLimitBytes': BUFFERS,
  'connectionSettings.clusterPerConnectionBufferLimitBytes': BUFFERS,
  'connectionSettings.httpDrainTimeout': 'write drainDuration',
  'connectionSettings.listenerConnectionLimit': LIMITS,
  'connectionSettings.globalDownstreamConnectionLimit': LIMITS,
};
