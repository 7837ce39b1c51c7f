import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';

const YOUNG_BYTES = 6 << 20;
const STEP = 10_000;
const MAX_STEPS = 50;

/**
 * For processes that live long and do little at a time, called before they load anything. V8 would let the space of young objects grow to 128 MB with
 * the first burst of work and keep it, and would wait with old ones until the heap is twice as large as what is alive. The price is some more collections.
 */
export function keepHeapSmall(): void {
  setFlagsFromString('--heap-growing-percent=20');
  // It begins with 2 MB, which is too little for a push, and grows only when objects survive in it; after this it stays as it is.
  const survivors: object[] = [];
  for (let step = 0; step < MAX_STEPS && youngBytes() < YOUNG_BYTES; step++) for (let i = 0; i < STEP; i++) survivors.push({ i });
  setFlagsFromString('--semi-space-growth-factor=1');
}

/** The same for those that hardly do anything once they are there: agents. */
export function keepHeapSmallest(): void {
  setFlagsFromString('--heap-growing-percent=20');
  setFlagsFromString('--semi-space-growth-factor=1');
}

function youngBytes(): number {
  return getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space')?.space_size ?? 0;
}
