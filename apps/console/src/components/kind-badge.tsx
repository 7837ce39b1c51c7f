import type { ReactElement } from 'react';
import { BADGE_COLORS } from '../graph/render/palette.ts';

const KINDS: Readonly<Record<string, readonly [string, string]>> = {
  A: ['Application', ''],
  S: ['Service', ''],
  W: ['Workload', ''],
  NS: ['Namespace', ''],
  C: ['Cluster', ''],
  SE: ['Service entry', ''],
  O: ['Operation', ''],
  G: ['Gateway', ''],
  VS: ['Virtual service', '#5e40be'],
  DR: ['Destination rule', '#7a4e00'],
  PA: ['Peer authentication', '#7d1007'],
  RA: ['Request authentication', '#7d1007'],
  AP: ['Authorization policy', '#7d1007'],
  WE: ['Workload entry', '#004d99'],
};

const BADGES: Readonly<Record<string, string>> = {
  VirtualService: 'VS',
  DestinationRule: 'DR',
  Gateway: 'G',
  ServiceEntry: 'SE',
  WorkloadEntry: 'WE',
  PeerAuthentication: 'PA',
  RequestAuthentication: 'RA',
  Namespace: 'NS',
  Service: 'S',
  ServiceAccount: 'SA',
};

/** The letters of a configuration kind. */
export function kindBadge(kind: string): string {
  return BADGES[kind] ?? (kind.replaceAll(/[a-z]/g, '') || '?');
}

/** The letter of a kind, in its colour: the same on the graph, in panels and in lists. */
export function KindBadge({ kind }: { readonly kind: string }): ReactElement {
  const [words, color] = KINDS[kind] ?? [kind, ''];
  return (
    <span className="kind-badge" title={words} style={{ background: color === '' ? (BADGE_COLORS[kind] ?? '#585858') : color }}>
      {kind}
    </span>
  );
}
