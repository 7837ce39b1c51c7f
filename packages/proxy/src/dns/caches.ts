import type { DnsCache } from '@meltemi/runtime';
import type { Worker } from '../core/worker.ts';
import { NameCache } from './dns-cache.ts';
import { createResolve } from './resolve-name.ts';

/** By what they were configured with: two that differ do not share, whatever their names. */
const caches = new WeakMap<Worker, Map<string, NameCache>>();
const keys = new WeakMap<DnsCache, string>();

/** The cache of this configuration on this thread; made when it is first asked for. */
export function nameCache(worker: Worker, config: DnsCache): NameCache {
  let own = caches.get(worker);
  if (own === undefined) caches.set(worker, (own = new Map()));
  const key = keyOf(config);
  let cache = own.get(key);
  if (cache === undefined) own.set(key, (cache = new NameCache(config, createResolve(config.servers), worker)));
  return cache;
}

function keyOf(config: DnsCache): string {
  let key = keys.get(config);
  if (key === undefined) keys.set(config, (key = JSON.stringify(config)));
  return key;
}
