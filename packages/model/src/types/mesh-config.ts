/** The mesh-wide settings, with Istio's names and defaults. */
export interface MeshConfig {
  readonly trustDomain: string;
  readonly domainSuffix: string;
  readonly rootNamespace: string;
  /** ALLOW_ANY: an unknown destination is passed through; REGISTRY_ONLY: refused (HTTP 502, TCP closed). */
  readonly outboundTrafficPolicy: 'ALLOW_ANY' | 'REGISTRY_ONLY';
  readonly enableAutoMtls: boolean;
  readonly connectTimeoutMs: number;
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
}

export const DEFAULT_MESH_CONFIG: MeshConfig = {
  trustDomain: 'cluster.local',
  domainSuffix: 'cluster.local',
  rootNamespace: 'istio-system',
  outboundTrafficPolicy: 'ALLOW_ANY',
  enableAutoMtls: true,
  connectTimeoutMs: 10_000,
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
};
