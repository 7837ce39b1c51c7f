import type { AgentConfig } from '../types.ts';

/**
 * Where the proxy's admin listens. A gateway beside network namespaces has its address on their bridge, where every workload could read its
 * configuration or end it; so its admin has an address of its own on this machine's loopback: 10.1.2.3 → 127.1.2.3 (Linux has all of 127/8).
 * In a namespace the rules of the interception keep the others out.
 */
export function adminAddress({ type, join }: Pick<AgentConfig, 'type' | 'join'>): string {
  if (type !== 'router' || join.network === undefined || !/^\d+(?:\.\d+){3}$/.test(join.address)) return join.address;
  return join.address.replace(/^\d+/, '127');
}
