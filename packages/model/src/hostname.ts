/** True for IPv4 dotted quads and anything with a colon (no host name has one). */
export function looksLikeIp(host: string): boolean {
  return host.includes(':') || /^\d{1,3}(\.\d{1,3}){3}$/.test(host);
}

/**
 * Istio's completion of a host in a configuration object: a name without a dot belongs to the namespace of the OBJECT.
 * `*`, IP addresses and everything with a dot stay as they are (so `reviews.prod` is not expanded).
 */
export function resolveHost(host: string, namespace: string, domainSuffix: string): string {
  if (host === '*' || host.includes('.') || looksLikeIp(host)) return host.toLowerCase();
  return `${host}.${namespace}.svc.${domainSuffix}`.toLowerCase();
}

/** A host that stands for many: `*`, `*.foo.com`. */
export function isWildcard(host: string): boolean {
  return host.startsWith('*');
}

/**
 * Whether every name that `inner` stands for is one of `outer`'s. `*.foo.com` covers `a.b.foo.com` (any depth) and `*.b.foo.com`.
 */
export function hostCovers(outer: string, inner: string): boolean {
  if (!isWildcard(outer)) return outer === inner;
  return inner.length >= outer.length - 1 && inner.endsWith(outer.slice(1)) && (outer === '*' || inner.length > outer.length - 1);
}

/** Whether the two stand for at least one common name. */
export function hostsOverlap(a: string, b: string): boolean {
  return hostCovers(a, b) || hostCovers(b, a);
}

/** The most specific of `patterns` that covers `host`: itself, else the longest wildcard. */
export function mostSpecificMatch(patterns: Iterable<string>, host: string): string | undefined {
  let best: string | undefined;
  for (const pattern of patterns) {
    if (pattern === host) return pattern;
    if (isWildcard(pattern) && hostCovers(pattern, host) && (best === undefined || pattern.length > best.length)) best = pattern;
  }
  return best;
}

/** The wildcards that cover `host`, most specific first: `*.b.c`, `*.c`, `*` for `a.b.c`. */
export function wildcardsOf(host: string): string[] {
  const result: string[] = [];
  let rest = isWildcard(host) ? host.slice(1).replace(/^\./, '') : host;
  if (isWildcard(host) && rest !== '') result.push(`*.${rest}`);
  for (let dot = rest.indexOf('.'); dot >= 0; dot = rest.indexOf('.')) {
    rest = rest.slice(dot + 1);
    result.push(`*.${rest}`);
  }
  result.push('*');
  return result;
}
