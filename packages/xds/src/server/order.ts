import { PUSH_ORDER, TYPE_URL } from '@meltemi/protos-types';

/**
 * Make-before-break. A type of a later stage is held while one of an earlier stage waits for its acknowledgement: a route never
 * arrives before the cluster it names. Within a stage nothing waits: Envoy acknowledges clusters (state of the world) only after it
 * has their endpoints, and listeners need their routes.
 */
const STAGE: Readonly<Record<string, number>> = {
  [TYPE_URL.cluster]: 0,
  [TYPE_URL.endpoint]: 0,
  [TYPE_URL.secret]: 1,
  [TYPE_URL.listener]: 2,
  [TYPE_URL.route]: 2,
};

/** Types on which nothing depends: sent whenever there is something to say. */
const FREE_STAGE = 3;

export function stageOf(typeUrl: string): number {
  return STAGE[typeUrl] ?? FREE_STAGE;
}

export function isFree(typeUrl: string): boolean {
  return stageOf(typeUrl) === FREE_STAGE;
}

/** What is used by others goes last, when nothing uses it any more; a listener or a free type may go at once. */
export function removesLast(typeUrl: string): boolean {
  return typeUrl !== TYPE_URL.listener && !isFree(typeUrl);
}

/** For sorting type URLs as they are pushed; unknown ones last. */
export function pushRank(typeUrl: string): number {
  const index = (PUSH_ORDER as readonly string[]).indexOf(typeUrl);
  return index < 0 ? PUSH_ORDER.length : index;
}

/** Removals go the other way round: routes, then clusters, then what only clusters used. */
export const REMOVAL_ORDER: readonly string[] = [TYPE_URL.route, TYPE_URL.cluster, TYPE_URL.endpoint, TYPE_URL.secret];
