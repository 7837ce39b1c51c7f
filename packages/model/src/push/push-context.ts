import type { Config } from '@meltemi/api';
import type { GatewayApiState } from '../gateway-api/state.ts';
import type { MeshConfig } from '../types/mesh-config.ts';
import type { Service } from '../types/service.ts';
import type { DestinationRuleTable } from './destination-rules.ts';
import type { EnvoyFilterTable } from './envoy-filters.ts';
import type { GatewayTable } from './gateways.ts';
import type { PeerAuthenticationTable } from './peer-authentication.ts';
import type { KeySets, RequestAuthenticationTable } from './request-authentications.ts';
import type { CredentialTable } from './secrets.ts';
import type { ServiceTable } from './services.ts';
import type { SidecarTable } from './sidecars.ts';
import type { VirtualServiceTable } from './virtual-services.ts';

/** Everything the snapshot is made from. Objects are immutable: a changed one is a new object. Order does not matter. */
export interface PushInputs {
  readonly mesh: MeshConfig;
  readonly services: readonly Service[];
  /** Valid objects of every kind; kinds the snapshot does not read are ignored. */
  readonly configs: readonly Config[];
  /** Keys of issuers, as far as they were fetched; a changed key set is another map. */
  readonly keySets?: KeySets;
}

/** What differs from the snapshot before. `full` on the first one and after a change of mesh settings: everything must be looked at. */
export interface PushChanges {
  readonly full: boolean;
  /** `VirtualService/bookinfo/reviews`: came, went or changed. */
  readonly configs: readonly string[];
  /** `bookinfo/reviews.bookinfo.svc.cluster.local` (`serviceKey`). */
  readonly services: readonly string[];
  /** The objects behind `configs`, in their old and new forms. */
  readonly objects: readonly Config[];
  /** Sources whose keys came, went or changed, by id (`keySourceOf`); left out: none. */
  readonly keys?: ReadonlySet<string>;
}

/** Objects that came, went or changed since the snapshot before, in their old and new forms. */
export interface KnownChanges {
  readonly configs: readonly Config[];
  readonly services: readonly Service[];
}

/** The mesh as one immutable value. Everything that is sent to a proxy is a function of it, of the endpoint index and of the node. */
export interface PushContext {
  /** Counts up with every build, from 1. */
  readonly version: number;
  readonly inputs: PushInputs;
  readonly mesh: MeshConfig;
  readonly services: ServiceTable;
  readonly virtualServices: VirtualServiceTable;
  readonly destinationRules: DestinationRuleTable;
  readonly gateways: GatewayTable;
  readonly peerAuthentications: PeerAuthenticationTable;
  readonly requestAuthentications: RequestAuthenticationTable;
  readonly sidecars: SidecarTable;
  readonly envoyFilters: EnvoyFilterTable;
  readonly credentials: CredentialTable;
  /** Objects of the Kubernetes Gateway API, and what they came to; the tables above hold what was derived of them. */
  readonly gatewayApi: GatewayApiState;
  readonly changes: PushChanges;
}
