import type { Health, Locality, ProxyNode, Workload } from '@meltemi/model';

/** What a workload says when it joins, before it has an identity. */
export interface JoinRequest {
  readonly type: 'sidecar' | 'router';
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly workload: string;
  /** What selectors see of it, with `labels` besides; empty: not known. */
  readonly app: string;
  readonly version: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly ports: readonly { readonly number: number; readonly name?: string }[];
  readonly interception: 'netns' | 'ports';
  /** Address of this machine at which the call came in: the workload can reach us there. */
  readonly calledAddress: string;
  /** What its WorkloadGroup says, when it joins as a member of one. */
  readonly member?: GroupMember;
}

/** What a WorkloadGroup says of the endpoints of its members. */
export interface GroupMember {
  readonly name: string;
  readonly annotations: Readonly<Record<string, string>>;
  /** Service port name → port. */
  readonly portMap: Readonly<Record<string, number>>;
  /** Used where the workload does not tell its own. */
  readonly locality: Locality;
  readonly weight: number;
}

/** Where a workload lives. */
export interface Allocation {
  /** Mesh-facing address W. */
  readonly address: string;
  /** Where the application listens, A; with `netns` the same. */
  readonly appAddress: string;
  /** `host:port` of the control plane's mTLS port, as this workload reaches it. */
  readonly xdsAddress: string;
  readonly network?: BridgeNetwork;
}

/** The bridge that network namespaces of workloads are tied to; the addresses of its subnet are given to them. */
export interface BridgeNetwork {
  readonly bridge: string;
  /** The host's own address on it. */
  readonly gateway: string;
  readonly prefixLength: number;
}

/** As what a workload joined: whatever its node says later, it becomes no endpoint of anything else. */
export type JoinedAs = Pick<JoinRequest, 'type' | 'namespace' | 'serviceAccount' | 'workload' | 'labels' | 'ports' | 'member'>;

/** A workload as it is kept over a restart. */
export type SavedWorkload = Workload & { readonly joined?: JoinedAs };

/** A connected member of a WorkloadGroup. */
export interface Member {
  readonly workload: Workload;
  readonly member: GroupMember;
}

/** Workloads that agents register by their streams. */
export interface ConnectedRegistry {
  /** An address for a workload that is about to connect. Throws `join/no-address`, `join/no-network`. */
  allocate(request: JoinRequest): Promise<Allocation>;
  /** An authenticated stream of a node began. */
  connect(connectionId: string, node: ProxyNode): void;
  /** It ended. Without another stream of the same workload its endpoint goes after the grace period, and its address is free again. */
  disconnect(connectionId: string): void;
  /** What the agent of this stream found out about its application. An unhealthy one stays, marked. False when the stream stands for no workload. */
  setHealth(connectionId: string, health: Health): boolean;
  /** Connected ones, those in their grace period, and those of before a restart that are not back yet. The same objects while nothing changes. */
  workloads(): readonly Workload[];
  /** Those of them that joined as members of a WorkloadGroup. */
  members(): readonly Member[];
  /**
   * The node as what it joined or is registered as at its address: the node itself when that is what it says, and the same object while nothing changes.
   * Undefined when nobody knows of it there: then nothing may be given to it that is for a few.
   */
  known(node: ProxyNode): ProxyNode | undefined;
  /** Where the WorkloadGroup of the workload that was given this address says it is; undefined: it says nothing. */
  localityOf(address: string): Locality | undefined;
  watch(listener: () => void): () => void;
  close(): Promise<void>;
}
