import type { MetadataStruct } from './struct.ts';
/** An IP address and port. IPv6 without brackets, in the form the configuration has it. */
export interface SocketAddress {
  readonly address: string;
  readonly port: number;
}

/** Where an endpoint is: an IP address, a host name still to be resolved (DNS clusters only), a Unix socket path, or a listener of this process. */
export type EndpointAddress =
  | { readonly t: 'socket'; readonly address: string; readonly port: number }
  | { readonly t: 'pipe'; readonly path: string }
  | InternalAddress;

/** A listener of this very process; `metadata` is the endpoint's, for what is handed over. */
export interface InternalAddress {
  readonly t: 'internal';
  readonly listener: string;
  readonly id: string;
  readonly metadata: Readonly<Record<string, MetadataStruct>>;
}

/** Extensions (by type) of a header of the PROXY protocol. */
export type TlvChoice = 'all' | readonly number[];

/** An address range; `address` is the text form, `prefixLength` 0..32 or 0..128. */
export interface CidrRange {
  readonly address: string;
  readonly prefixLength: number;
}

/** Envoy's `StringMatcher`. `regex` is RE2 and matches the whole string. */
export interface StringMatch {
  readonly t: 'exact' | 'prefix' | 'suffix' | 'contains' | 'regex';
  readonly value: string;
  readonly ignoreCase: boolean;
}

/** One `HeaderValueOption`: `value` may hold substitution formatters (`%REQ(x-a)%`). */
export interface HeaderMutation {
  /** Lower-case. */
  readonly name: string;
  readonly value: string;
  readonly action: 'append' | 'add-if-absent' | 'overwrite' | 'overwrite-if-exists';
  readonly keepEmptyValue: boolean;
}

/** Additions in order, then removals are applied first (Envoy removes before it adds). */
export interface HeaderMutations {
  readonly requestAdd: readonly HeaderMutation[];
  readonly requestRemove: readonly string[];
  readonly responseAdd: readonly HeaderMutation[];
  readonly responseRemove: readonly string[];
}
