import { ProtoReader } from '@meltemi/base';
import { TYPE_URL } from '@meltemi/protos-types';
import { createPeer, type Peer, resolvePeer, type WorkloadLabels } from '@meltemi/telemetry/recording';
import type { Relay } from '../relay/relay.ts';
import { each } from './access-log-entry.ts';

/** Who calls this workload: asked of the control plane by address when first seen, believed if the certificate agrees (S9). */
export interface Clients {
  peer(address: string, principal: string, nowMs: number): Peer;
  /** The control plane has said something about addresses. */
  refresh(): void;
}

interface Known {
  readonly labels: WorkloadLabels;
  readonly principal: string;
}

interface Entry {
  readonly byPrincipal: Map<string, Peer>;
  /** Undefined: not answered yet. `'nobody'`: the mesh has nobody there. */
  answer: Known | 'nobody' | undefined;
}

export const NOBODY: WorkloadLabels = { workload: '', namespace: '', app: '', version: '', canonicalService: '', canonicalRevision: '', cluster: '' };
const MAX_ADDRESSES = 10_000;

export function createClients(relay: Pick<Relay, 'lookup' | 'subscribeOwn' | 'unsubscribeOwn'>): Clients {
  const entries = new Map<string, Entry>();
  const answerOf = (address: string): Entry['answer'] => {
    const known = relay.lookup(TYPE_URL.workload, address);
    if (known.t === 'resource') return readWorkload(known.resource.bytes);
    return known.t === 'absent' ? 'nobody' : undefined;
  };
  const entryOf = (address: string): Entry => {
    let entry = entries.get(address);
    if (entry !== undefined) return entry;
    for (const oldest of entries.size >= MAX_ADDRESSES ? entries.keys() : []) {
      entries.delete(oldest);
      relay.unsubscribeOwn(TYPE_URL.workload, [oldest]);
      break;
    }
    // The machine's own loopback address is nobody's of the mesh.
    const own = address === '' || address === '127.0.0.1' || address === '::1';
    entry = { byPrincipal: new Map(), answer: own ? 'nobody' : undefined };
    entries.set(address, entry);
    if (!own) relay.subscribeOwn(TYPE_URL.workload, [address]);
    return entry;
  };
  return {
    peer(address, principal, nowMs) {
      const entry = entryOf(address);
      let peer = entry.byPrincipal.get(principal);
      if (peer === undefined) {
        entry.byPrincipal.set(principal, (peer = createPeer(nowMs, undefined, principal === '' ? undefined : principal)));
        if (entry.answer !== undefined) resolvePeer(peer, labelsFor(entry.answer, principal));
      }
      return peer;
    },
    refresh() {
      for (const [address, entry] of entries) {
        const answer = answerOf(address);
        if (answer === undefined || JSON.stringify(answer) === JSON.stringify(entry.answer)) continue;
        entry.answer = answer;
        for (const [principal, peer] of entry.byPrincipal) resolvePeer(peer, labelsFor(answer, principal));
      }
    },
  };
}

/** A certificate outranks an address: of a client whose identity is not the address's, only its namespace is certain. */
function labelsFor(answer: Known | 'nobody', principal: string): WorkloadLabels {
  const known = answer === 'nobody' ? undefined : answer;
  if (principal === '') return known?.labels ?? NOBODY;
  if (known?.principal === principal) return known.labels;
  return { ...NOBODY, namespace: /\/ns\/([^/]+)\/sa\/[^/]+$/.exec(principal)?.[1] ?? '' };
}

/** `meltemi.workload.v1.Workload`. */
function readWorkload(bytes: Uint8Array): Known {
  const texts: string[] = [];
  each(new ProtoReader(bytes), (field, at) => {
    if (field > 9) return false;
    texts[field] = at.string();
    return true;
  });
  const at = (field: number): string => texts[field] ?? '';
  const labels = { workload: at(1), namespace: at(2), app: at(4), version: at(5), canonicalService: at(6), canonicalRevision: at(7), cluster: at(8) };
  return { labels, principal: at(3) === '' ? '' : `spiffe://${at(9)}/ns/${at(2)}/sa/${at(3)}` };
}
