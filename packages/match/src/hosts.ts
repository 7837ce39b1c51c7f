/** True for a name that Istio completes: no dot, not `*`, not an IPv6 address. */
export function isShortName(host: string): boolean {
  return host !== '' && host !== '*' && !host.includes('.') && !host.includes(':');
}

/**
 * The full name of a host in configuration. A short name gets the namespace of the *object that mentions it* (not of the service or
 * the caller); anything with a dot is final: `reviews.prod` stays as it is.
 */
export function resolveHost(host: string, namespace: string, domain = 'cluster.local'): string {
  return isShortName(host) ? `${host.toLowerCase()}.${namespace}.svc.${domain}` : host.toLowerCase();
}

/** True when `pattern` (`*`, `*.foo.com` of any depth, or a plain name) covers `host`, which may be a wildcard itself. */
export function hostMatches(pattern: string, host: string): boolean {
  if (pattern === '*') return true;
  if (!pattern.startsWith('*')) return pattern.toLowerCase() === host.toLowerCase();
  const suffix = pattern.slice(1).toLowerCase();
  return host.length >= suffix.length && host.toLowerCase().endsWith(suffix);
}

/** True when some host is covered by both. */
export function hostsOverlap(a: string, b: string): boolean {
  return hostMatches(a, b) || hostMatches(b, a);
}

/** Values by host pattern; the most specific pattern wins: the name itself, then the longest wildcard. */
export interface HostIndex<T> {
  lookup(host: string): T | undefined;
}

/** Of two entries with one pattern, the first stays. Lookup costs one map access per distinct wildcard length. */
export function createHostIndex<T>(entries: Iterable<readonly [pattern: string, value: T]>): HostIndex<T> {
  const exact = new Map<string, T>();
  const suffixes = new Map<string, T>();
  for (const [pattern, value] of entries) {
    const name = pattern.toLowerCase();
    const [map, key] = name.startsWith('*') ? [suffixes, name.slice(1)] : [exact, name];
    if (!map.has(key)) map.set(key, value);
  }
  const lengths = [...new Set([...suffixes.keys()].map((suffix) => suffix.length))].sort((a, b) => b - a);
  return {
    lookup(host) {
      const name = host.toLowerCase();
      const own = exact.get(name);
      if (own !== undefined) return own;
      for (const length of lengths) {
        if (length > name.length) continue;
        const found = suffixes.get(name.slice(name.length - length));
        if (found !== undefined) return found;
      }
      return undefined;
    },
  };
}
