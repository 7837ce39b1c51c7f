import type { PickWish } from '@meltemi/runtime';
import type { Exchange } from './exchange.ts';

/** What this attempt wants of the choice of its host; undefined = nothing, so that nothing is allocated for most requests. */
export function pickWish(x: Exchange): PickWish | undefined {
  const { tried } = x;
  if (tried === undefined) return undefined;
  return { rejects: (host) => tried.includes(host), attempts: 2 };
}
