import type { ObjectRef, Origin } from '@meltemi/base';
import type { Protocol } from './protocol.ts';

/** String labels of a workload, endpoint or service. */
export type Labels = Readonly<Record<string, string>>;

export interface ServicePort {
  readonly name: string;
  readonly number: number;
  readonly protocol: Protocol;
  /** Where the workload listens: a number, or the name of one of its own ports. */
  readonly targetPort: number | string;
}

/**
 * How a client finds the endpoints. `static`: the control plane sends them (EDS); `dns`: the proxy resolves the names, every answer is an endpoint;
 * `dns-round-robin`: one answer at a time; `none`: the original destination address.
 */
export type Resolution = 'static' | 'dns' | 'dns-round-robin' | 'none';

/** The two low octets of a service's virtual address, stable for the life of the service: 240.240.a.b and friends. `a` and `b` are 1..254. */
export interface Vip {
  readonly a: number;
  readonly b: number;
}

/** An endpoint that the service's own definition names (ServiceEntry `endpoints`, or its DNS host). */
export interface InlineEndpoint {
  /** IP address or DNS name. */
  readonly address: string;
  /** Service port name → port of this endpoint; wins over the service port's target port. */
  readonly ports: Readonly<Record<string, number>>;
  readonly labels: Labels;
  readonly locality: string;
  readonly weight: number;
  readonly serviceAccount: string;
}

/** One service of the mesh, whatever it came from. Deeply immutable: a changed service is a new object. */
export interface Service {
  readonly hostname: string;
  /** Kubernetes' name; for a ServiceEntry the object's name. */
  readonly name: string;
  readonly namespace: string;
  readonly ports: readonly ServicePort[];
  readonly resolution: Resolution;
  /** Addresses that really route (ServiceEntry `addresses`), possibly CIDR blocks. */
  readonly addresses: readonly string[];
  /** Undefined only when the address space is used up, or the host is a wildcard. */
  readonly vip: Vip | undefined;
  /** Selects workloads of the same namespace; undefined: none is selected. An empty selector selects nothing. */
  readonly selector: Labels | undefined;
  readonly labels: Labels;
  /** Outside of the mesh: no mutual TLS by itself. */
  readonly external: boolean;
  readonly headless: boolean;
  /** Nearest endpoints first: by zone, or by machine too. */
  readonly trafficDistribution?: 'zone' | 'node';
  /** Its hosts are looked up when they are called: each call names its own. */
  readonly dynamicDns?: true;
  /** Callers use endpoints of their own machine only. */
  readonly nodeLocal?: true;
  /** Endpoints count as healthy whatever they say. */
  readonly publishNotReady?: true;
  /** Hosts that stand for this one (Kubernetes' ExternalName). */
  readonly aliases?: readonly string[];
  readonly subjectAltNames: readonly string[];
  readonly endpoints: readonly InlineEndpoint[];
  /** `.`, `*`, `~` or namespaces. Never empty. */
  readonly exportTo: readonly string[];
  /** `kubernetes` (a Service object), `external` (a ServiceEntry), `synthetic` (made for a connected workload that no service selects). */
  readonly registry: 'kubernetes' | 'external' | 'synthetic';
  /** RFC 3339 in UTC, compared as text: the oldest wins. `~` when not known, which sorts last. */
  readonly createdAt: string;
  readonly object: ObjectRef;
  readonly origin?: Origin;
}

/** `region/zone/subzone`, split. Empty strings where unknown. */
export interface Locality {
  readonly region: string;
  readonly zone: string;
  readonly subZone: string;
}

export type Health = 'healthy' | 'unhealthy' | 'draining';

/** One address that answers for a service port. */
export interface Endpoint {
  /** IP address, or DNS name for a `dns` service. */
  readonly address: string;
  readonly port: number;
  readonly labels: Labels;
  readonly locality: Locality;
  readonly weight: number;
  readonly health: Health;
  /** `istio`: its sidecar speaks mutual TLS. */
  readonly tlsMode: 'istio' | 'disabled';
  readonly namespace: string;
  readonly workload: string;
  readonly serviceAccount: string;
  /** SPIFFE ID, empty when the endpoint has no identity. */
  readonly principal: string;
  /** Cluster ID of the workload, `meltemi` for our own. */
  readonly cluster: string;
  /** The machine that it runs on, where that is known. */
  readonly nodeName?: string;
}

/** A port that a workload itself declares. */
export interface WorkloadPort {
  readonly number: number;
  readonly protocol: Protocol;
  readonly name?: string;
}

/** One running unit: a connected agent, a WorkloadEntry, or (on Kubernetes) a pod. */
export interface Workload {
  readonly name: string;
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly labels: Labels;
  /** Mesh-facing address: where its sidecar is reached. */
  readonly address: string;
  /** Where the application itself listens. */
  readonly appAddress: string;
  readonly ports: readonly WorkloadPort[];
  /** Service port name → port here (WorkloadEntry `ports`). */
  readonly portMap: Readonly<Record<string, number>>;
  readonly locality: Locality;
  readonly weight: number;
  readonly tlsMode: 'istio' | 'disabled';
  readonly health: Health;
  readonly dataPlane: 'embedded' | 'envoy' | 'none';
  readonly cluster: string;
  /** The machine that it runs on, where that is known. */
  readonly nodeName?: string;
  readonly registry: 'connected' | 'external' | 'kubernetes';
  readonly object?: ObjectRef;
  readonly origin?: Origin;
}
