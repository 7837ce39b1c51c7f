import type { PickWish } from '@meltemi/runtime';
import type { Exchange } from './exchange.ts';

/** What this attempt wants of the choice of its host; undefined = nothing, so that nothing is allocated for most requests. */
export function pickWish(x: Exchange): PickWish | undefined {
  const { tried, forward } = x;
  const avoids = forward?.retry?.avoids;
  if (tried === undefined || avoids === undefined) return undefined;
  return { rejects: (host) => avoids(host, tried), attempts: (forward?.retry?.config.hostAttempts ?? 1) + 1 };
}
