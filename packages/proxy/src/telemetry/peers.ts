import { createPeer, resolvePeer, type Peer, type WorkloadLabels } from '@meltemi/telemetry/recording';

/** What is known of a workload by its address: its labels and the identity that a certificate of its must show. */
export interface KnownWorkload {
  readonly labels: WorkloadLabels;
  /** SPIFFE ID; '' = it has none. */
  readonly principal: string;
}

/** Who asks for the names of addresses; called once per address and again after `forget`. */
export interface WorkloadDirectory {
  want(address: string): void;
  forget(address: string): void;
}

/**
 * The clients of this proxy, by address and proven identity. An address is asked for when first seen and its labels come later; they are
 * believed only if the certificate that the client showed agrees in namespace and account.
 */
export interface ClientPeers {
  peer(address: string, principal: string, nowMs: number): Peer;
  /** undefined = nobody is known there. */
  learned(address: string, workload: KnownWorkload | undefined): void;
}

interface AddressEntry {
  readonly address: string;
  readonly byPrincipal: Map<string, Peer>;
  workload: KnownWorkload | undefined;
  answered: boolean;
}

const NOBODY: WorkloadLabels = { workload: '', namespace: '', app: '', version: '', canonicalService: '', canonicalRevision: '', cluster: '' };
const MAX_ADDRESSES = 10_000;

export function createClientPeers(directory: WorkloadDirectory): ClientPeers {
  const addresses = new Map<string, AddressEntry>();

  const entryFor = (address: string): AddressEntry => {
    const known = addresses.get(address);
    if (known !== undefined) return known;
    if (addresses.size >= MAX_ADDRESSES) dropOldest(addresses, directory);
    const entry: AddressEntry = { address, byPrincipal: new Map(), workload: undefined, answered: false };
    addresses.set(address, entry);
    // Nobody of the mesh lives on the machine's own loopback address: not worth a question.
    if (isOwnLoopback(address)) entry.answered = true;
    else directory.want(address);
    return entry;
  };

  return {
    peer(address, principal, nowMs) {
      const entry = entryFor(address);
      let peer = entry.byPrincipal.get(principal);
      if (peer === undefined) {
        peer = createPeer(nowMs, undefined, principal === '' ? undefined : principal);
        entry.byPrincipal.set(principal, peer);
        if (entry.answered) resolvePeer(peer, labelsFor(entry.workload, principal));
      }
      return peer;
    },
    learned(address, workload) {
      const entry = addresses.get(address);
      if (entry === undefined) return;
      entry.answered = true;
      entry.workload = workload;
      for (const [principal, peer] of entry.byPrincipal) resolvePeer(peer, labelsFor(workload, principal));
    },
  };
}

/** A certificate outranks an address: of a client whose identity is not the address's, only the namespace is certain. */
function labelsFor(workload: KnownWorkload | undefined, principal: string): WorkloadLabels {
  if (principal === '') return workload?.labels ?? NOBODY;
  if (workload !== undefined && workload.principal === principal) return workload.labels;
  return { ...NOBODY, namespace: namespaceOf(principal) };
}

/** `spiffe://cluster.local/ns/bookinfo/sa/reviews` → `bookinfo`. */
function namespaceOf(principal: string): string {
  return /\/ns\/([^/]+)\/sa\/[^/]+$/.exec(principal)?.[1] ?? '';
}

function isOwnLoopback(address: string): boolean {
  return address === '127.0.0.1' || address === '::1' || address === '';
}

function dropOldest(addresses: Map<string, AddressEntry>, directory: WorkloadDirectory): void {
  for (const address of addresses.keys()) {
    addresses.delete(address);
    directory.forget(address);
    return;
  }
}
