import { existsSync } from 'node:fs';

/** Group that agent and proxy run with; their traffic is left alone, as Istio does with its own. */
export const PROXY_GID = 1337;

/** Where rules send traffic. */
export interface RedirectPorts {
  readonly outbound: number;
  readonly inbound: number;
  readonly dns: number;
}

const REDIRECT_PORTS: RedirectPorts = { outbound: 15001, inbound: 15006, dns: 15053 };

/** Where the agent forwards what its proxy asks: on another address than what it answers the application on, and on the same port. */
export const PROXY_DNS_ADDRESS = '127.0.0.2';

const ADMIN_PORT = 15000;
/** Ports of agent and proxy that are reached directly: admin, merged metrics, health, proxy metrics. */
const OWN_PORTS = [ADMIN_PORT, 15020, 15021, 15090];
/** Source of connections that the inbound side of a proxy opens to its own application (Istio's convention): never to be caught again. */
const INBOUND_SOURCE = '127.0.0.6';

/** Kernels may be without. */
const IPV6 = existsSync('/proc/net/if_inet6');

/** The mesh speaks IPv4. Every interface has an IPv6 address all the same, by which neighbours would reach the application past its proxy. */
const NO_IPV6 = (interfaceName: string): string => `table ip6 meltemi {
  chain guard {
    type filter hook prerouting priority -300; policy accept;
    iifname "${interfaceName}" drop
  }
}
`;

/**
 * nftables rules for one workload's namespace, loaded as a whole. nft 1.0.6 takes no `priority dstnat` in an output chain, so numbers it is.
 * - DNS goes to the agent, whatever server was asked, loopback resolvers included. The proxy's own lookups (clusters with names for endpoints) go to the resolver that the
 *   namespace names, where the agent answers in its place with what the host's resolvers say: names of the mesh would lead it back to itself.
 * - An application that calls its own address means itself.
 * - A proxy that calls its own address as a client enters through its inbound side, so that mutual TLS has its other end.
 * - Nobody reaches the two catching ports directly: such a connection would loop.
 * - The proxy's admin, which tells its configuration and takes orders, is for the workload itself and for the machine of the control plane.
 */
export function redirectRules(options: { readonly interfaceName: string; readonly controlPlane: string; readonly ports?: RedirectPorts }): string {
  const { outbound, inbound, dns } = options.ports ?? REDIRECT_PORTS;
  return `table ip meltemi {
  chain guard {
    type filter hook prerouting priority -300; policy accept;
    iifname "${options.interfaceName}" tcp dport { ${outbound}, ${inbound} } drop
    iifname "${options.interfaceName}" ip saddr != ${options.controlPlane} tcp dport ${ADMIN_PORT} drop
  }
  chain output {
    type nat hook output priority -100; policy accept;
    ip saddr ${INBOUND_SOURCE} return
    meta skgid ${PROXY_GID} oifname "lo" ip daddr != 127.0.0.0/8 tcp dport != { ${[...OWN_PORTS, outbound, inbound].join(', ')} } redirect to :${inbound}
    meta skgid ${PROXY_GID} ip daddr ${options.controlPlane} udp dport 53 dnat to ${PROXY_DNS_ADDRESS}:${dns}
    meta skgid ${PROXY_GID} ip daddr ${options.controlPlane} tcp dport 53 dnat to ${PROXY_DNS_ADDRESS}:${dns}
    meta skgid ${PROXY_GID} return
    udp dport 53 redirect to :${dns}
    tcp dport 53 redirect to :${dns}
    oifname "lo" return
    meta l4proto tcp redirect to :${outbound}
  }
  chain prerouting {
    type nat hook prerouting priority -100; policy accept;
    iifname "${options.interfaceName}" tcp dport != { ${OWN_PORTS.join(', ')} } redirect to :${inbound}
  }
}
${IPV6 ? NO_IPV6(options.interfaceName) : ''}`;
}
