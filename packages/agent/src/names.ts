import { createForwarder, type DnsServer, type Forwarder, indexNames, type NameTable, readNameservers, startDnsServer } from '@meltemi/dns';
import { TYPE_URL } from '@meltemi/protos-types';
import { PROXY_DNS_ADDRESS } from './interception/netns/rules.ts';
import type { Platform } from './platform.ts';
import type { Relay } from './relay/relay.ts';
import type { AgentConfig } from './types.ts';
import { decodeNameTable } from './wire/messages.ts';

/** All names that the control plane has told of. A table that cannot be read counts as empty. */
export function nameTable(relay: Relay): NameTable {
  const table: Record<string, NonNullable<NameTable['table']>[string]> = {};
  for (const name of relay.names(TYPE_URL.nameTable)) {
    const resource = relay.resource(TYPE_URL.nameTable, name);
    if (resource !== undefined) Object.assign(table, decodeNameTable(resource.bytes).table);
  }
  return { table };
}

/**
 * The DNS server of a workload. Inside a namespace redirected questions arrive on loopback, whatever they were sent to; elsewhere it is
 * there for those who ask it.
 */
export async function startNames(config: AgentConfig, relay: Relay, forwarder: Forwarder, platform: Platform): Promise<DnsServer> {
  return startDnsServer({
    address: config.interception === 'netns' ? '127.0.0.1' : config.join.address,
    port: config.ports.dns,
    names: indexNames(nameTable(relay), config.identity.namespace),
    forwarder,
    clock: platform.clock,
    log: platform.log,
  });
}

/**
 * Answers the proxy of a namespace, which reaches no resolver from there, with what the host's resolvers say. It learns nothing of the mesh: the addresses
 * that the mesh has made up for its names would lead the proxy back to itself.
 */
export async function startProxyLookups(config: AgentConfig, forwarder: Forwarder, platform: Platform): Promise<DnsServer> {
  const names = indexNames({}, config.identity.namespace);
  return startDnsServer({ address: PROXY_DNS_ADDRESS, port: config.ports.dns, names, forwarder, clock: platform.clock, log: platform.log });
}

/** Asks the host's resolvers. */
export function hostForwarder(config: AgentConfig): Forwarder {
  return createForwarder({ nameservers: config.nameservers ?? readNameservers() });
}

/** Keeps a running server in step with the relay. */
export function refreshNames(server: DnsServer, config: AgentConfig, relay: Relay): void {
  server.setNames(indexNames(nameTable(relay), config.identity.namespace));
}
