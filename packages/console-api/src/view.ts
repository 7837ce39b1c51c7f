import type { Origin, Problem } from '@meltemi/base';

/**
 * What the console's API shows of the mesh besides telemetry: one immutable picture, derived from the control plane's snapshot. Lists
 * are sorted by namespace and name.
 */
export interface MeshView {
  /** Version of the snapshot; changes when anything here does. */
  readonly version: string;
  readonly clusterName: string;
  readonly rootNamespace: string;
  readonly trustDomain: string;
  readonly autoMtls: boolean;
  readonly outboundTrafficPolicy: 'ALLOW_ANY' | 'REGISTRY_ONLY' | 'ALLOW_ANY_DYNAMIC_DNS';
  /** Version of Meltemi. */
  readonly meltemiVersion: string;
  readonly namespaces: readonly NamespaceView[];
  readonly services: readonly ServiceView[];
  readonly workloads: readonly WorkloadView[];
  readonly objects: readonly ConfigObject[];
  readonly problems: readonly Problem[];
}

/** The current picture and news of it. */
export interface MeshSource {
  view(): MeshView;
  /** Called after the view changed; answers how to stop. */
  onChange(listener: () => void): () => void;
}

export interface NamespaceView {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** Whether workloads of it get a sidecar. */
  readonly isInjected: boolean;
  readonly isControlPlane: boolean;
  readonly revision: string;
}

export interface ServiceView {
  /** Kubernetes' short name; for a ServiceEntry its host. */
  readonly name: string;
  readonly namespace: string;
  readonly hostname: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly selector: Readonly<Record<string, string>>;
  readonly ports: readonly { readonly name: string; readonly port: number; readonly protocol: string; readonly targetPort: string }[];
  /** `ClusterIP`, `Headless`, `External`. */
  readonly type: string;
  readonly ips: readonly string[];
  readonly registry: 'Kubernetes' | 'External';
  readonly createdAt: string;
  readonly resourceVersion: string;
  /** Names of the workloads behind it, in its own namespace. */
  readonly workloads: readonly string[];
  readonly endpoints: readonly {
    readonly address: string;
    readonly port: number;
    readonly portName: string;
    readonly workload: string;
    readonly instance: string;
    readonly isReady: boolean;
  }[];
  /** Set for what a ServiceEntry declares. */
  readonly serviceEntry?: { readonly name: string; readonly hosts: readonly string[]; readonly location: string };
}

export interface WorkloadView {
  readonly name: string;
  readonly namespace: string;
  /** As metrics have them, with their fall-backs; {@link labels} tells what was really set. */
  readonly app: string;
  readonly version: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** `Deployment`, `Process`, … */
  readonly kind: string;
  readonly serviceAccount: string;
  readonly principal: string;
  readonly createdAt: string;
  readonly resourceVersion: string;
  readonly hasSidecar: boolean;
  readonly gateway?: { readonly kind: 'ingress' | 'egress'; readonly hostnames: readonly string[] };
  readonly desiredReplicas: number;
  readonly instances: readonly InstanceView[];
  /** Names of WorkloadEntries behind it. */
  readonly workloadEntries: readonly string[];
}

/** One running instance: a pod, or a process that `run` started. */
export interface InstanceView {
  readonly name: string;
  readonly address: string;
  readonly isReady: boolean;
  /** Whether its proxy acknowledged what was last sent; undefined without a proxy. */
  readonly isSynced: boolean | undefined;
  readonly dataPlane: 'embedded' | 'envoy' | undefined;
  readonly createdAt: string;
}

/** A configuration object in Kubernetes' shape. */
export interface ConfigObject {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly spec: object;
  /** `apiVersion`, `kind`, `metadata`, `spec`, `status`. */
  readonly resource: object;
  /** The user's file, when it came from one. */
  readonly origin?: Origin;
}
