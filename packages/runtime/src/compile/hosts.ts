/** Values by virtual-host domain, looked up as Envoy does: exact, then the longest suffix wildcard, the longest prefix wildcard, then `*`. */
export interface DomainTable<T> {
  find(authority: string): T | undefined;
}

interface Wildcards<T> {
  readonly lengths: readonly number[];
  readonly values: ReadonlyMap<string, T>;
}

/** With `ignorePort` the port of the request's host is left out of the comparison. */
export function compileDomains<T>(entries: Iterable<readonly [string, T]>, ignorePort: boolean): DomainTable<T> {
  const exact = new Map<string, T>();
  const suffixes = new Map<string, T>();
  const prefixes = new Map<string, T>();
  let any: T | undefined;
  for (const [domain, value] of entries) {
    if (domain === '*') any = value;
    else if (domain.startsWith('*')) suffixes.set(domain.slice(1), value);
    else if (domain.endsWith('*')) prefixes.set(domain.slice(0, -1), value);
    else exact.set(domain, value);
  }
  if (exact.size + suffixes.size + prefixes.size === 0) return { find: () => any };
  const bySuffix = wildcards(suffixes);
  const byPrefix = wildcards(prefixes);
  return {
    find(authority) {
      const lower = authority.toLowerCase();
      const host = ignorePort ? stripPort(lower) : lower;
      return (
        exact.get(host) ??
        longest(bySuffix, host, (length) => host.slice(host.length - length)) ??
        longest(byPrefix, host, (length) => host.slice(0, length)) ??
        any
      );
    },
  };
}

function wildcards<T>(values: ReadonlyMap<string, T>): Wildcards<T> {
  return { values, lengths: [...new Set([...values.keys()].map((key) => key.length))].sort((a, b) => b - a) };
}

/** A star stands for at least one character. */
function longest<T>(table: Wildcards<T>, host: string, cut: (length: number) => string): T | undefined {
  for (const length of table.lengths) {
    if (length >= host.length) continue;
    const found = table.values.get(cut(length));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** `host:80` → `host`, `[::1]:80` → `[::1]`. */
function stripPort(host: string): string {
  const colon = host.lastIndexOf(':');
  if (colon < 0 || host.endsWith(']')) return host;
  if (host.charCodeAt(0) !== 91 && host.indexOf(':') !== colon) return host;
  return /^\d*$/.test(host.slice(colon + 1)) ? host.slice(0, colon) : host;
}
