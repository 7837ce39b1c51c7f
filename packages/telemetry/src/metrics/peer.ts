import type { WorkloadLabels } from './standard.ts';

/** How long a series waits for the labels of its peer before it is exported with `unknown`. */
export const PEER_HOLD_MS = 2000;

/**
 * The other end of a connection, as metrics refer to it: the labels may be learnt after the first request. Nothing on the request
 * path waits for them; series that refer to a peer take its labels when they are exported.
 */
export interface Peer {
  /** When it was first seen, on the clock that is given to the exporter. */
  readonly seenAtMs: number;
  /** Undefined until learnt. Set it with {@link resolvePeer}. */
  labels: WorkloadLabels | undefined;
  /** SPIFFE ID of its certificate, if it showed one. */
  readonly principal: string | undefined;
  /** Changes when the labels do: recorders then begin new series. */
  generation: number;
}

export function createPeer(nowMs: number, labels?: WorkloadLabels, principal?: string): Peer {
  return { seenAtMs: nowMs, labels, principal, generation: 0 };
}

/** Gives a peer its labels. Series already exported as `unknown` keep what they said; later requests count in new ones. */
export function resolvePeer(peer: Peer, labels: WorkloadLabels): void {
  peer.labels = labels;
  peer.generation++;
}
