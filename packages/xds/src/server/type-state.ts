import type { Resource } from '../resource.ts';

/** A response that the client has not answered yet. */
export interface Outstanding {
  readonly nonce: string;
  /** The source's version it was made from. */
  readonly version: number;
}

/** What has to be looked at: nothing, these names, or everything. */
export type Dirty = { readonly t: 'clean' } | { readonly t: 'names'; readonly names: Set<string> } | { readonly t: 'all' };

/** One type on one stream. */
export interface TypeState {
  readonly typeUrl: string;
  readonly names: Set<string>;
  wildcard: boolean;
  /** What the client has (or was last sent): version by name; '' = it was told that there is none. */
  readonly known: Map<string, string>;
  /** State of the world only: the resources behind `known`, so that one on its way out can be sent along until nothing uses it. */
  readonly held: Map<string, Resource>;
  dirty: Dirty;
  /** The answer of the source that `known` was last compared with. */
  compared: ReadonlyMap<string, Resource> | undefined;
  /** Names to send again though unchanged. */
  readonly force: Set<string>;
  /** The first response is due, even an empty one. */
  first: boolean;
  /** Something was left to remove once nothing points at it. */
  removalDue: boolean;
  outstanding: Outstanding | undefined;
  sentVersion: number | undefined;
  sentNonce: string;
  ackedVersion: number | undefined;
  nacked: { readonly version: number; readonly message: string } | undefined;
}

export function createTypeState(typeUrl: string): TypeState {
  return {
    typeUrl,
    names: new Set(),
    wildcard: false,
    known: new Map(),
    held: new Map(),
    dirty: { t: 'all' },
    compared: undefined,
    force: new Set(),
    first: true,
    removalDue: false,
    outstanding: undefined,
    sentVersion: undefined,
    sentNonce: '',
    ackedVersion: undefined,
    nacked: undefined,
  };
}

const CLEAN: Dirty = { t: 'clean' };
const ALL: Dirty = { t: 'all' };

/** Marks names (absent: everything) as to be looked at. */
export function markDirty(state: TypeState, names?: ReadonlySet<string>): void {
  if (names === undefined) state.dirty = ALL;
  else if (state.dirty.t === 'names') for (const name of names) state.dirty.names.add(name);
  else if (state.dirty.t === 'clean' && names.size > 0) state.dirty = { t: 'names', names: new Set(names) };
}

export function markClean(state: TypeState): void {
  state.dirty = CLEAN;
}
