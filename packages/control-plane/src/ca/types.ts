import type { Clock, Log, Random, Timers } from '@meltemi/base';
import type { Locality } from '@meltemi/model';

/** Options of the certificate authority. */
export interface AuthorityOptions {
  /** Folder of the root, the issuing authority and further trusted roots; created with mode 0700. */
  readonly directory: string;
  readonly trustDomain: string;
  /** Life of a workload's certificate; 24 h unless asked, 20 s is allowed. */
  readonly workloadTtlMs?: number;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly log: Log;
}

/** What a workload asks for when it joins (the body of `POST /meltemi/v1/join`). */
export interface JoinRequest {
  readonly type: 'sidecar' | 'router';
  readonly namespace: string;
  /** Undefined: as its WorkloadGroup says, or default. */
  readonly serviceAccount?: string;
  readonly workload: string;
  readonly app: string;
  readonly version: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly ports: readonly { readonly number: number; readonly protocol: string; readonly name?: string }[];
  readonly interception: 'netns' | 'ports';
  /** Address of this machine at which the call came in: the workload can reach us there. */
  readonly calledAddress: string;
  /** WorkloadGroup that it joins as a member of. */
  readonly group?: string;
  /** What that group says of its endpoint. */
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

/** A join request of which everything is known. */
export type CompleteJoinRequest = JoinRequest & { readonly serviceAccount: string };

/** Where a workload lives (S7). `network` is there when its namespace is to be tied to a bridge. */
export interface Allocation {
  readonly address: string;
  readonly appAddress: string;
  /** `host:port` of the mTLS port as this workload reaches it. */
  readonly xdsAddress: string;
  readonly network?: { readonly bridge: string; readonly gateway: string; readonly prefixLength: number };
}

/** Gives addresses to workloads and frees them later (10 s after their stream is gone); the registry of connected workloads is one. */
export interface WorkloadAllocator {
  /** Throws `join/…` when no address is left or the request cannot be met. */
  allocate(request: CompleteJoinRequest): Allocation | Promise<Allocation>;
}

/** One line of the audit log. Never a token or a key. */
export interface AuditRecord {
  readonly timeMs: number;
  readonly action: 'join' | 'issue' | 'renew' | 'refuse';
  readonly identity: string;
  readonly remote: string;
  readonly serial?: string;
  readonly notAfterMs?: number;
  readonly reason?: string;
}
