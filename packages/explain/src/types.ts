import type { ObjectRef, Origin, Problem } from '@meltemi/base';
import type { Config, DecodedDocument } from '@meltemi/api';
import type { ProxyNode, Workload } from '@meltemi/model';
import type { Decision, DecisionHost, Outcome, RetryPolicy } from '@meltemi/runtime';
import type { MeshState } from '@meltemi/translate';

/** A mesh that calls can be tried on: nothing in it runs. */
export interface SimulatedMesh {
  readonly state: MeshState;
  readonly configs: readonly Config[];
  readonly workloads: readonly Workload[];
  /** Proxies by `namespace/name` of their workload. */
  readonly nodes: ReadonlyMap<string, ProxyNode>;
  /** The texts that the objects come from, as far as they are at hand: a reason then has the line of its place. */
  readonly documents: readonly DecodedDocument[];
}

/** A call that somebody might make. */
export interface Call {
  /** `namespace/name` of the workload that makes it; of a gateway: the one that a client outside of the mesh calls. */
  readonly from: string;
  /**
   * `http://reviews:9080/path?query`, `https://…`, `tcp://db:5432`, `tls://db:5432`, as the caller writes it. `https` and `tls` are the caller's own TLS, which
   * proxies see from outside.
   */
  readonly to: string;
  /** Default `GET`. */
  readonly method?: string;
  /** By lower-case name. `host` takes the place of the host of `to`, which then only says where the call goes. */
  readonly headers?: Readonly<Record<string, string>>;
  /** What the keys of their issuers would say of the signatures of its tokens; absent: it is only told that they would be asked. */
  readonly signatures?: 'good' | 'bad';
  /** When it is made, in milliseconds since 1970, for tokens that begin and end; default 0. */
  readonly wallMs?: number;
  /** Server name of the caller's own TLS; default the host. */
  readonly serverName?: string;
}

/** What decided something: an object, a place in it, and where that is written: the line of the place when the text is at hand, else that of the object. */
export interface Reason {
  readonly what: 'listener' | 'filter-chain' | 'route-table' | 'virtual-host' | 'route' | 'endpoints';
  readonly object: ObjectRef;
  /** `spec.http[0]`; empty for the whole object. */
  readonly path: string;
  readonly origin?: Origin;
}

/** A share of something, 0..1. */
export interface Shared<T> {
  readonly share: number;
  readonly value: T;
}

/** What is done to some of the calls of a route on purpose. */
export type Fault = { readonly t: 'delay'; readonly delayMs: number } | { readonly t: 'abort'; readonly status: number };

/** What one proxy does with the call. */
export interface Leg {
  /** `namespace/name` of its workload. */
  readonly node: string;
  /** Every step, as the proxy takes it. */
  readonly decision: Decision;
  /** Clusters that calls like this one go to. */
  readonly clusters: readonly Shared<string>[];
  /** Endpoints of the cluster that this call went to. */
  readonly hosts: readonly DecisionHost[];
  /** Of the whole exchange; 0: none. */
  readonly timeoutMs: number;
  readonly retry?: RetryPolicy;
  readonly faults: readonly Shared<Fault>[];
  /** Clusters that get a copy. */
  readonly mirrors: readonly Shared<string>[];
  /** Path and authority as they go on; empty for TCP and answers. */
  readonly path: string;
  readonly authority: string;
  /** The objects that had a say, in the order in which they had it. */
  readonly because: readonly Reason[];
}

/** What becomes of a call. */
export type Result =
  | {
      readonly t: 'decided';
      /** At the caller's proxy, or the gateway. */
      readonly client: Leg;
      /** At the proxy of the workload that was chosen, when it was reached and has one. */
      readonly server?: Leg;
      /** In the end: the server's word when it was asked. */
      readonly outcome: Outcome;
    }
  /** Our own proxy does not take what was made for it. */
  | { readonly t: 'refused'; readonly node: string; readonly problems: readonly Problem[] }
  /** The call itself is none: an unknown workload, or a target that cannot be read. */
  | { readonly t: 'no-call'; readonly because: string };
