import type { ClientCertificates, MeshTls, ProxyDefaults, TcpKeepaliveSettings } from './proxy-defaults.ts';
import { NO_TELEMETRY, type MeshTelemetry } from './mesh-telemetry.ts';
import type { HttpRetry, LoadBalancerSettings, ProxySettings, TrafficPolicy } from '@meltemi/api';

/** The mesh-wide settings, with Istio's names and defaults. */
export interface MeshConfig {
  readonly trustDomain: string;
  readonly domainSuffix: string;
  readonly rootNamespace: string;
  /** ALLOW_ANY: an unknown destination is passed through; REGISTRY_ONLY: refused (HTTP 502, TCP closed); ALLOW_ANY_DYNAMIC_DNS: HTTP goes to the host that the request names. */
  readonly outboundTrafficPolicy: 'ALLOW_ANY' | 'REGISTRY_ONLY' | 'ALLOW_ANY_DYNAMIC_DNS';
  readonly enableAutoMtls: boolean;
  readonly connectTimeoutMs: number;
  /** How long a connection may be silent before it is taken for bytes, where its first bytes tell what it speaks. */
  readonly protocolDetectionTimeoutMs: number;
  /** Used after a failed lookup; answers live as long as their TTL. */
  readonly dnsRefreshRateMs: number;
  /** Empty: no text access log. */
  readonly accessLogFile: string;
  readonly accessLogEncoding: 'TEXT' | 'JSON';
  /** Empty: Istio's default format. */
  readonly accessLogFormat: string;
  readonly enableTracing: boolean;
  /** Share of requests whose trace starts here, 0..100. */
  readonly tracingSamplingPercent: number;
  readonly pathNormalization: 'NONE' | 'BASE' | 'MERGE_SLASHES' | 'DECODE_AND_MERGE_SLASHES';
  readonly localityLbEnabled: boolean;
  readonly defaultServiceExportTo: readonly string[];
  readonly defaultVirtualServiceExportTo: readonly string[];
  readonly defaultDestinationRuleExportTo: readonly string[];
  readonly defaultHttpRetryAttempts: number;
  /** Retries of routes that say nothing of them; its attempts are also `defaultHttpRetryAttempts`. */
  readonly defaultHttpRetryPolicy: HttpRetry | undefined;
  /** Further trust domains whose identities are taken for those of this one. */
  readonly trustDomainAliases: readonly string[];
  /** Towards every service whose DestinationRule says nothing of it. */
  readonly tcpKeepalive: TcpKeepaliveSettings | undefined;
  /** HTTP/1.1 between sidecars becomes HTTP/2. */
  readonly h2Upgrade: boolean;
  /** Order and shares of localities, of services whose DestinationRule says nothing of them. */
  readonly localityLbSetting: LoadBalancerSettings['localityLbSetting'];
  /** Zone-aware routing of services without a rule of their own. */
  readonly zoneAwareLbSetting: LoadBalancerSettings['zoneAwareLbSetting'];
  /** Blocks of services, and of passed-through calls, that no DestinationRule says. */
  readonly defaultTrafficPolicy: Pick<TrafficPolicy, 'connectionPool' | 'outlierDetection'> | undefined;
  /** Between workloads of the mesh. */
  readonly meshTls: MeshTls;
  /** Of gateways that say nothing of it. */
  readonly gatewayTls: MeshTls;
  /** Proxies in front of gateways whose `x-forwarded-for` is believed. */
  readonly trustedHops: number;
  /** `x-forwarded-client-cert` at gateways and at sidecars. */
  readonly gatewayClientCertificates: ClientCertificates;
  readonly sidecarClientCertificates: ClientCertificates;
  /** Value of the `server` header; undefined: what the upstream wrote. */
  readonly serverHeader: string | undefined;
  readonly addRequestId: boolean;
  /** Header names of HTTP/1.1 keep their letters. */
  readonly preserveHeaderCase: boolean;
  /** Where the host is rewritten, `x-forwarded-host` tells the one that was called. */
  readonly forwardHost: boolean;
  /** `x-forwarded-port` tells the port that a client called. */
  readonly forwardPort: boolean;
  /** Connections to gateways begin with the PROXY protocol. */
  readonly gatewayProxyProtocol: boolean;
  /** Limits of connections that come to proxies. */
  readonly connections: ProxySettings['connectionSettings'];
  /** Logs and traces for collectors of other makes. */
  readonly telemetry: MeshTelemetry;
  /** How proxies are started. */
  readonly proxy: ProxyDefaults;
}

export const DEFAULT_MESH_CONFIG: MeshConfig = {
  trustDomain: 'cluster.local',
  domainSuffix: 'cluster.local',
  rootNamespace: 'istio-system',
  outboundTrafficPolicy: 'ALLOW_ANY',
  enableAutoMtls: true,
  connectTimeoutMs: 10_000,
  protocolDetectionTimeoutMs: 5000,
  dnsRefreshRateMs: 60_000,
  accessLogFile: '/dev/stdout',
  accessLogEncoding: 'TEXT',
  accessLogFormat: '',
  enableTracing: true,
  tracingSamplingPercent: 1,
  pathNormalization: 'BASE',
  localityLbEnabled: true,
  defaultServiceExportTo: ['*'],
  defaultVirtualServiceExportTo: ['*'],
  defaultDestinationRuleExportTo: ['*'],
  defaultHttpRetryAttempts: 2,
  defaultHttpRetryPolicy: undefined,
  trustDomainAliases: [],
  tcpKeepalive: undefined,
  h2Upgrade: false,
  localityLbSetting: undefined,
  zoneAwareLbSetting: undefined,
  defaultTrafficPolicy: undefined,
  meshTls: { minVersion: 'TLSv1_2', cipherSuites: [] },
  gatewayTls: { minVersion: 'TLSv1_2', cipherSuites: [] },
  trustedHops: 0,
  gatewayClientCertificates: { forward: 'SANITIZE_SET', details: { subject: true, cert: true, dns: true, uri: true } },
  sidecarClientCertificates: { forward: 'APPEND_FORWARD', details: { subject: true, cert: false, dns: true, uri: true } },
  serverHeader: 'istio-envoy',
  addRequestId: true,
  preserveHeaderCase: false,
  forwardHost: false,
  forwardPort: false,
  gatewayProxyProtocol: false,
  connections: undefined,
  telemetry: NO_TELEMETRY,
  proxy: { concurrency: undefined, environment: {}, terminationDrainMs: undefined, drainMs: undefined },
};
