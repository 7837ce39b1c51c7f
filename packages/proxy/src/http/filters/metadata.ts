import type { FilterVerdict } from '@meltemi/runtime';
import type { Exchange } from '../exchange.ts';

/** Adds what a filter leaves to the stream's dynamic metadata. */
export function mergeMetadata(x: Exchange, added: NonNullable<FilterVerdict['metadata']>): void {
  const known = (x.info.dynamicMetadata ??= new Map());
  for (const [namespace, values] of Object.entries(added)) {
    const before = known.get(namespace);
    known.set(namespace, before === undefined ? values : { ...before, ...values });
  }
}
