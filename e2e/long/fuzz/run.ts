import { availableParallelism } from 'node:os';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { CODECS } from './codec.ts';
import { fuzzShare, type ShareResult } from './share.ts';

/** Seeds that a thread takes at a time. */
const SEEDS_AT_ONCE = 5_000;

/** Fuzzes all codecs with at least `inputs` inputs, on as many threads as there are cores. */
export async function fuzz(inputs: number, firstSeed: number): Promise<ShareResult> {
  const seeds = Math.ceil(inputs / CODECS.length);
  const threads = Math.max(1, Math.min(availableParallelism(), Math.ceil(seeds / SEEDS_AT_ONCE)));
  const share = Math.ceil(seeds / threads);
  const results = await Promise.all(Array.from({ length: threads }, (_, i) => onThread(firstSeed + i * share, Math.min(share, seeds - i * share))));
  return { inputs: results.reduce((sum, result) => sum + result.inputs, 0), faults: results.flatMap((result) => result.faults) };
}

async function onThread(first: number, seeds: number): Promise<ShareResult> {
  const worker = new Worker(new URL(import.meta.url), { workerData: { first, seeds } });
  return await new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
}

if (!isMainThread && parentPort !== null) {
  const { first, seeds } = workerData as { first: number; seeds: number };
  parentPort.postMessage(fuzzShare(first, seeds));
}
