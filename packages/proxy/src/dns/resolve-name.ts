import { Resolver } from 'node:dns/promises';
import { readFile, stat } from 'node:fs/promises';
import { isIP } from 'node:net';
import { hostPort } from '../net/addresses.ts';

/** An address with its time to live, in seconds. */
export interface ResolvedAddress {
  readonly address: string;
  readonly ttl: number;
}

/** Looks a name up. Throws when the name cannot be resolved. */
export type Resolve = (name: string, family: 4 | 6) => Promise<readonly ResolvedAddress[]>;

const HOSTS_FILE = '/etc/hosts';
/** What does not come from a server has no time to live of its own. */
const LOCAL_TTL = 60;
const TRY_MS = 2_000;

/** A resolver: the file of hosts, then these servers (empty = the system's), which have `tryMs` to answer at first. Names of the loopback are never asked for. */
export function createResolve(servers: readonly { readonly address: string; readonly port: number }[], tryMs = TRY_MS): Resolve {
  let resolver: Resolver | undefined;
  return async (name, family) => {
    const known = isLoopbackName(name) ? LOOPBACK : servers.length === 0 ? ((await hostsFile()).get(name.toLowerCase()) ?? []) : [];
    const local = known.filter((address) => isIP(address) === family);
    if (local.length > 0 || known === LOOPBACK) return local.map((address) => ({ address, ttl: LOCAL_TTL }));
    if (resolver === undefined) {
      resolver = new Resolver({ timeout: tryMs, tries: 2 });
      if (servers.length > 0) resolver.setServers(servers.map(({ address, port }) => hostPort(address, port === 0 ? 53 : port)));
    }
    return family === 4 ? resolver.resolve4(name, { ttl: true }) : resolver.resolve6(name, { ttl: true });
  };
}

const LOOPBACK: readonly string[] = ['127.0.0.1', '::1'];

/** RFC 6761 section 6.3. */
function isLoopbackName(name: string): boolean {
  const lower = name.toLowerCase();
  return lower === 'localhost' || lower.endsWith('.localhost');
}

let hosts: { readonly changedMs: number; readonly names: ReadonlyMap<string, readonly string[]> } = { changedMs: -1, names: new Map() };

/** The names in the file of hosts, read again when it has changed; empty where there is none. */
async function hostsFile(): Promise<ReadonlyMap<string, readonly string[]>> {
  try {
    const { mtimeMs } = await stat(HOSTS_FILE);
    if (mtimeMs !== hosts.changedMs) hosts = { changedMs: mtimeMs, names: parseHosts(await readFile(HOSTS_FILE, 'utf8')) };
  } catch {
    hosts = { changedMs: -1, names: new Map() };
  }
  return hosts.names;
}

/** `hosts(5)`: an address and its names on each line. */
export function parseHosts(text: string): ReadonlyMap<string, readonly string[]> {
  const names = new Map<string, string[]>();
  for (const line of text.split('\n')) {
    const [address = '', ...aliases] = line.replace(/#.*/, '').trim().split(/\s+/);
    if (isIP(address) === 0) continue;
    for (const alias of aliases) {
      const known = names.get(alias.toLowerCase());
      if (known === undefined) names.set(alias.toLowerCase(), [address]);
      else known.push(address);
    }
  }
  return names;
}
