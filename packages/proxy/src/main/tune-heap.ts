import { setFlagsFromString } from 'node:v8';

/**
 * Keeps the collection of short-lived objects on the thread that made them; called first thing in a process that only forwards.
 *
 * A proxy's young objects are few and die at once, so helper threads save it no time, while waking them and freeing read buffers from
 * another thread's arena cost about a tenth of the CPU per request (`npm run bench -- http1`). Marking of old objects stays concurrent.
 */
export function tuneHeap(): void {
  setFlagsFromString('--no-parallel-scavenge');
  setFlagsFromString('--no-concurrent-array-buffer-sweeping');
}
