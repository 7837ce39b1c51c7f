import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';

const YOUNG_BYTES = 8 << 20;
const LOOK_MS = 10;

/**
 * For processes that live long and do little at a time, called before they load anything. V8 would let the space of young objects grow to 128 MB with
 * the first burst of work and keep it, and would wait with old ones until the heap is twice as large as what is alive. The price is some more collections.
 */
export function keepHeapSmall(): void {
  setFlagsFromString('--heap-growing-percent=30');
  const timer = setInterval(() => {
    const young = getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space')?.space_size ?? 0;
    if (young < YOUNG_BYTES) return;
    setFlagsFromString('--semi-space-growth-factor=1');
    clearInterval(timer);
  }, LOOK_MS);
  timer.unref();
}
