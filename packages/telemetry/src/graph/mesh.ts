import type { WorkloadStatus } from '../health/types.ts';

/** What the graph wants to know of the mesh besides its traffic. The control plane derives it from its snapshot. */
export interface GraphMesh {
  readonly services: readonly GraphService[];
  readonly workloads: readonly GraphWorkload[];
  readonly virtualServices: readonly GraphVirtualService[];
  readonly destinationRules: readonly GraphDestinationRule[];
}

export interface GraphService {
  readonly cluster: string;
  readonly namespace: string;
  /** Kubernetes' short name, or for a ServiceEntry the host. */
  readonly name: string;
  readonly hostname: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** Set for what a ServiceEntry declares. */
  readonly serviceEntry?: { readonly name: string; readonly hosts: readonly string[]; readonly location: string };
}

export interface GraphWorkload {
  readonly cluster: string;
  readonly namespace: string;
  readonly name: string;
  /** Labels `app` and `version` as metrics have them (with their fall-backs). */
  readonly app: string;
  readonly version: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly status: WorkloadStatus;
  readonly hasSidecar: boolean;
  readonly gateway?: { readonly kind: 'ingress' | 'egress'; readonly hostnames: readonly string[] };
  /** Names of WorkloadEntries behind it. */
  readonly workloadEntries?: readonly string[];
}

interface Destination {
  readonly host?: string | undefined;
  readonly subset?: string | undefined;
}

interface RouteTo {
  readonly destination?: Destination | undefined;
  readonly weight?: number | undefined;
}

/** A VirtualService, as far as badges need it; the objects of `@meltemi/api` fit. */
export interface GraphVirtualService {
  readonly meta: { readonly name: string; readonly namespace?: string | undefined };
  readonly spec: {
    readonly hosts?: readonly string[] | undefined;
    readonly gateways?: readonly string[] | undefined;
    readonly http?:
      | readonly {
          readonly match?: readonly unknown[] | undefined;
          readonly route?: readonly RouteTo[] | undefined;
          readonly fault?: unknown;
          readonly timeout?: unknown;
          readonly mirror?: unknown;
          readonly mirrors?: readonly unknown[] | undefined;
        }[]
      | undefined;
    readonly tcp?: readonly { readonly route?: readonly RouteTo[] | undefined }[] | undefined;
  };
}

interface TrafficPolicy {
  readonly connectionPool?: unknown;
  readonly outlierDetection?: unknown;
}

/** A DestinationRule, as far as badges need it. */
export interface GraphDestinationRule {
  readonly meta: { readonly name: string; readonly namespace?: string | undefined };
  readonly spec: {
    readonly host?: string | undefined;
    readonly trafficPolicy?: TrafficPolicy | undefined;
    readonly subsets?:
      | readonly {
          readonly name?: string | undefined;
          readonly labels?: Readonly<Record<string, string>> | undefined;
          readonly trafficPolicy?: TrafficPolicy | undefined;
        }[]
      | undefined;
  };
}
