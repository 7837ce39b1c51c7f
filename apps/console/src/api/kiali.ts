/**
 * The JSON of the console's API, in Kiali's shapes. Every field that a server may leave out is optional here, and read so:
 * the same pages work against our control plane and against a Kiali of another version.
 */

export type GraphType = 'app' | 'service' | 'versionedApp' | 'workload';
type NodeType = 'aggregate' | 'app' | 'box' | 'service' | 'serviceentry' | 'unknown' | 'workload';
export type HealthStatus = 'Healthy' | 'Degraded' | 'Failure' | 'Not Ready' | 'NA';

interface ProtocolTraffic {
  readonly protocol?: string;
  /** Rates by name (`http`, `http5xx`, `httpPercentErr`, `tcp`, …), as decimal strings. */
  readonly rates?: Readonly<Record<string, string>>;
  /** By response code: share of each response flag and of each host, in percent as decimal strings. */
  readonly responses?: Readonly<
    Record<string, { readonly flags?: Readonly<Record<string, string>>; readonly hosts?: Readonly<Record<string, string>> }>
  >;
}

export interface NodeData {
  readonly id: string;
  readonly parent?: string;
  readonly nodeType: NodeType;
  readonly cluster?: string;
  readonly namespace?: string;
  readonly workload?: string;
  readonly app?: string;
  readonly version?: string;
  readonly service?: string;
  readonly aggregate?: string;
  readonly aggregateValue?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly traffic?: readonly ProtocolTraffic[];
  readonly healthStatus?: string;
  readonly healthData?: unknown;
  readonly destServices?: readonly { readonly cluster?: string; readonly namespace?: string; readonly name?: string }[];
  readonly isBox?: string;
  readonly isDead?: boolean;
  readonly isGateway?: unknown;
  readonly isIdle?: boolean;
  readonly isInaccessible?: boolean;
  readonly isInjected?: boolean;
  readonly isOutOfMesh?: boolean;
  readonly isOutside?: boolean;
  readonly isRoot?: boolean;
  readonly isServiceEntry?: unknown;
  readonly isMTLS?: boolean;
  readonly hasCB?: boolean;
  readonly hasFaultInjection?: boolean;
  readonly hasMirroring?: boolean;
  readonly hasRequestRouting?: boolean;
  readonly hasRequestTimeout?: boolean;
  readonly hasTCPTrafficShifting?: boolean;
  readonly hasTrafficShifting?: boolean;
  readonly hasVS?: { readonly hostnames?: readonly string[] } | boolean;
  readonly hasWorkloadEntry?: readonly unknown[];
}

export interface EdgeData {
  readonly id: string;
  readonly source: string;
  readonly target: string;
  readonly healthStatus?: string;
  /** Share of mutual TLS in percent, as a decimal string. */
  readonly isMTLS?: string;
  readonly sourcePrincipal?: string;
  readonly destPrincipal?: string;
  /** Milliseconds, as a decimal string. */
  readonly responseTime?: string;
  /** Bytes per second, as a decimal string. */
  readonly throughput?: string;
  readonly traffic?: ProtocolTraffic;
}

export interface GraphResponse {
  /** Seconds since the epoch: the end of what is shown. */
  readonly timestamp: number;
  /** Seconds. */
  readonly duration: number;
  readonly graphType: GraphType;
  readonly elements: { readonly nodes: readonly { readonly data: NodeData }[]; readonly edges: readonly { readonly data: EdgeData }[] };
}

export interface NamespaceInfo {
  readonly name: string;
  readonly cluster?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly isControlPlane?: boolean;
  /** Whether workloads of it get a sidecar. */
  readonly isInjected?: boolean;
  readonly tls?: TlsStatus;
}

/** direction → protocol → response code → requests per second. */
interface RequestHealth {
  readonly inbound?: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly outbound?: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

export interface ReplicaStatus {
  readonly name?: string;
  readonly desiredReplicas?: number;
  readonly currentReplicas?: number;
  readonly availableReplicas?: number;
  readonly syncedProxies?: number;
}

interface HealthVerdict {
  readonly status: string;
  /** Percent of the requests that failed; null without traffic. */
  readonly errorRatio?: number | null;
  readonly inboundRate?: number;
  readonly outboundRate?: number;
}

export interface HealthData {
  readonly requests?: RequestHealth;
  readonly workloadStatus?: ReplicaStatus | null;
  readonly workloadStatuses?: readonly ReplicaStatus[] | null;
  /** The server's own verdict, where it gives one. */
  readonly status?: HealthVerdict | string;
}

interface IstioReference {
  readonly name: string;
  readonly namespace?: string;
  readonly objectGVK?: { readonly Group?: string; readonly Version?: string; readonly Kind?: string };
}

/** A row of the lists of applications, workloads or services. */
export interface ListItem {
  readonly name: string;
  readonly namespace: string;
  readonly cluster?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly health?: HealthData;
  readonly istioSidecar?: boolean;
  readonly isGateway?: boolean;
  readonly appLabel?: boolean;
  readonly versionLabel?: boolean;
  readonly type?: string;
  readonly gvk?: { readonly Kind?: string };
  readonly podCount?: number;
  readonly istioReferences?: readonly IstioReference[] | null;
  readonly kialiWizard?: string;
  readonly serviceRegistry?: string;
}

/** A place in a file of the user. */
interface Place {
  readonly file?: string;
  readonly line?: number;
  readonly column?: number;
}

export interface ValidationCheck {
  readonly code?: string;
  readonly message: string;
  readonly severity: string;
  readonly path?: string;
  readonly origin?: Place;
  readonly fix?: string;
}

export interface Validation {
  readonly name: string;
  readonly namespace: string;
  readonly valid: boolean;
  readonly checks?: readonly ValidationCheck[] | null;
  readonly references?: readonly IstioReference[] | null;
  /** Where the object itself stands. */
  readonly origin?: Place;
}

export interface ConfigObject {
  readonly kind: string;
  readonly apiVersion: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly creationTimestamp?: string;
    readonly resourceVersion?: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly spec?: unknown;
}

export interface ConfigList {
  readonly resources?: Readonly<Record<string, readonly ConfigObject[] | null>>;
  /** By group-version-kind text, then by `name.namespace`. */
  readonly validations?: Readonly<Record<string, Readonly<Record<string, Validation>>>>;
}

/** One configuration object with its validation. */
export interface ObjectDetails {
  readonly resource: ConfigObject;
  readonly validation?: Validation;
}

export interface TlsStatus {
  readonly status?: string;
  readonly autoMTLSEnabled?: boolean;
  readonly minTLS?: string;
  readonly mode?: string;
  readonly reason?: string;
  readonly namespace?: string;
}
