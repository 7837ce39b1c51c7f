import type { Host } from '../compiled.ts';
import type { ConsistentHashing } from '../types/balancing.ts';
import type { LocalityHosts } from './host-sets.ts';

/** A host with its part of the whole; the parts add up to 1. */
export interface Share {
  readonly host: Host;
  readonly weight: number;
}

/** Parts of hosts that compete by their own weights. */
export function hostShares(hosts: readonly Host[], whole = 1): readonly Share[] {
  const sum = hosts.reduce((total, host) => total + host.endpoint.weight, 0);
  return hosts.map((host) => ({ host, weight: (host.endpoint.weight * whole) / sum }));
}

/** Parts of hosts whose localities have weights; a locality of weight 0 has none. */
export function localityShares(localities: readonly LocalityHosts[]): readonly Share[] {
  const sum = localities.reduce((total, locality) => total + locality.weight, 0);
  if (sum === 0) return [];
  return localities.flatMap((locality) => (locality.weight === 0 ? [] : hostShares(locality.hosts, locality.weight / sum)));
}

/** The text that stands for a host in a hash: its metadata's `hash_key`, its name, or its address. */
export function hashKey({ endpoint, key }: Host, { byHostname }: ConsistentHashing): string {
  const own = endpoint.metadata['hash_key'];
  if (typeof own === 'string' && own !== '') return own;
  return byHostname ? endpoint.hostname : key;
}
