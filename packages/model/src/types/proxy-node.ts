import type { Labels, Locality, WorkloadPort } from './service.ts';

/** The client of an xDS stream: who it is and how traffic reaches it. */
export interface ProxyNode {
  readonly id: string;
  /** `sidecar` and `router` (gateway) are proxies; `grpc` is an application that speaks xDS itself. */
  readonly type: 'sidecar' | 'router' | 'grpc';
  /** Mesh-facing address W. */
  readonly address: string;
  readonly addresses: readonly string[];
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly workload: string;
  readonly labels: Labels;
  /** What else its metadata says in texts. */
  readonly metadata: Readonly<Record<string, string>>;
  readonly clusterId: string;
  readonly meshId: string;
  /** `bookinfo.svc.cluster.local`: short names are completed with it. */
  readonly dnsDomain: string;
  readonly locality: Locality;
  /** REDIRECT: the kernel hands connections over (15001, 15006). NONE: listeners bind the addresses themselves. */
  readonly interception: 'REDIRECT' | 'NONE';
  /** Where the application listens, A. */
  readonly appAddress: string;
  /** The machine that it runs on; empty: not told. */
  readonly nodeName: string;
  /** What the application listens on, as declared by `run --port`. */
  readonly ports: readonly WorkloadPort[];
  /** Its agent watches the application and reports: no endpoint until it says healthy. */
  readonly reportsHealth: boolean;
  readonly dataPlane: 'embedded' | 'envoy';
  /** An Envoy that can make W3C trace context of B3 (CEL in header values: 1.40 is known to); our own proxy reads both by itself. */
  readonly convertsB3: boolean;
  /** Address that a gateway's listeners bind. */
  readonly bindAddress: string;
}

/** `core.v3.Node` as far as it is read (ProtoJSON, snake_case). */
export interface XdsNode {
  readonly id?: string;
  readonly cluster?: string;
  readonly metadata?: Readonly<Record<string, unknown>>;
  readonly locality?: { readonly region?: string; readonly zone?: string; readonly sub_zone?: string };
  readonly user_agent_name?: string;
}
