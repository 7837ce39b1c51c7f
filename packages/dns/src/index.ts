export { createForwarder, type Forwarder, type ForwarderOptions } from './forwarder.ts';
export { indexNames, type NameIndex, type NameInfo, type NameTable } from './name-table.ts';
export { readNameservers } from './resolv-conf.ts';
export { startDnsServer, type DnsServer, type DnsServerOptions, type DnsStats } from './server.ts';
