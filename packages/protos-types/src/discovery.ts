import type { Any, Node } from './common.ts';

/** `google.rpc.Status`. */
export interface Status {
  readonly code?: number;
  readonly message?: string;
  readonly details?: readonly Any[];
}

/** `envoy.service.discovery.v3.DiscoveryRequest` (state of the world). */
export interface DiscoveryRequest {
  readonly version_info?: string;
  readonly node?: Node;
  readonly resource_names?: readonly string[];
  readonly type_url?: string;
  readonly response_nonce?: string;
  readonly error_detail?: Status;
}

/** `envoy.service.discovery.v3.DiscoveryResponse`. */
export interface DiscoveryResponse {
  readonly version_info?: string;
  readonly resources?: readonly Any[];
  readonly type_url?: string;
  readonly nonce?: string;
}

/** `envoy.service.discovery.v3.DeltaDiscoveryRequest`. */
export interface DeltaDiscoveryRequest {
  readonly node?: Node;
  readonly type_url?: string;
  readonly resource_names_subscribe?: readonly string[];
  readonly resource_names_unsubscribe?: readonly string[];
  readonly initial_resource_versions?: { readonly [name: string]: string };
  readonly response_nonce?: string;
  readonly error_detail?: Status;
}

/** `envoy.service.discovery.v3.DeltaDiscoveryResponse`. */
export interface DeltaDiscoveryResponse {
  readonly system_version_info?: string;
  readonly resources?: readonly { readonly name?: string; readonly version?: string; readonly resource?: Any }[];
  readonly type_url?: string;
  readonly removed_resources?: readonly string[];
  readonly nonce?: string;
}

/** `istio.networking.nds.v1.NameTable`: what the agent's DNS server answers, by host name. */
export interface NameTable {
  readonly table?: { readonly [host: string]: NameInfo };
}

export interface NameInfo {
  readonly ips?: readonly string[];
  /** `Kubernetes` or `External`. */
  readonly registry?: string;
  readonly shortname?: string;
  readonly namespace?: string;
}

/** `meltemi.workload.v1.Workload`: who stands behind an address. The resource's name is the IP address asked for. */
export interface Workload {
  readonly name?: string;
  readonly namespace?: string;
  readonly service_account?: string;
  readonly app?: string;
  readonly version?: string;
  /** `istio.io` canonical service and its revision. */
  readonly canonical_name?: string;
  readonly canonical_revision?: string;
  readonly cluster?: string;
  readonly trust_domain?: string;
  readonly addresses?: readonly string[];
  /** Kubernetes kind of the owner (`Deployment`), `Process` for what `run` started. */
  readonly kind?: string;
}
