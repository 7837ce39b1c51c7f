import { PUSH_ORDER, TYPE_URL } from '@meltemi/protos-types';

const BY_NAME: ReadonlySet<string> = new Set([TYPE_URL.endpoint, TYPE_URL.route, TYPE_URL.secret, TYPE_URL.workload]);
const FULL_STATE: ReadonlySet<string> = new Set([TYPE_URL.cluster, TYPE_URL.listener]);

/** Types whose resources are asked for by name; for all others a first request without names means all. */
export function isByName(typeUrl: string): boolean {
  return BY_NAME.has(typeUrl);
}

/** In the state-of-the-world protocol, responses of these types list everything: what is left out is gone. */
export function isFullState(typeUrl: string): boolean {
  return FULL_STATE.has(typeUrl);
}

/** Place of a type in the order of pushes; types of others come last. */
export function pushRank(typeUrl: string): number {
  const rank = (PUSH_ORDER as readonly string[]).indexOf(typeUrl);
  return rank < 0 ? PUSH_ORDER.length : rank;
}

/**
 * Removing a resource of a type waits until these types are settled: what pointed at it must be replaced, and that acknowledged, first
 * (make before break).
 */
export function removedAfter(typeUrl: string): readonly string[] {
  switch (typeUrl) {
    case TYPE_URL.cluster:
      return [TYPE_URL.listener, TYPE_URL.route];
    case TYPE_URL.endpoint:
      return [TYPE_URL.cluster];
    case TYPE_URL.secret:
      return [TYPE_URL.cluster, TYPE_URL.listener];
    case TYPE_URL.route:
      return [TYPE_URL.listener];
    default:
      return [];
  }
}

/** Types that point at clusters: they wait until clusters and their endpoints have arrived. */
export function pointsAtClusters(typeUrl: string): boolean {
  return typeUrl === TYPE_URL.listener || typeUrl === TYPE_URL.route;
}
