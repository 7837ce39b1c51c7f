import { setFlagsFromString } from 'node:v8';

/**
 * For processes that live long and do little at a time: V8 would let the space of young objects grow to 128 MB with the first burst of work and
 * keep it. It stays as it is at the moment of the call; the price is some more, and shorter, collections.
 */
export function keepHeapSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
}
