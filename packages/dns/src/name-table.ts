/** One host of Istio's name table (`istio.networking.nds.v1.NameTable.NameInfo`, ProtoJSON with proto names). */
export interface NameInfo {
  readonly ips?: readonly string[];
  /** `Kubernetes` hosts also answer to their shorter names. */
  readonly registry?: string;
  readonly shortname?: string;
  readonly namespace?: string;
  readonly alt_hosts?: readonly string[];
}

/** Host name → where it is; hosts may start with `*.`. */
export interface NameTable {
  readonly table?: Readonly<Record<string, NameInfo>>;
}

/** A name table ready for questions. */
export interface NameIndex {
  /** Addresses of a name (any case, with or without the last dot); undefined when the mesh does not know it. */
  lookup(name: string): readonly string[] | undefined;
  readonly size: number;
}

/**
 * Indexes a table for a workload of `namespace`: full names, `reviews.bookinfo`, `reviews.bookinfo.svc`, and the bare `reviews` inside
 * its own namespace. A full name wins over another's short one.
 */
export function indexNames(table: NameTable, namespace: string): NameIndex {
  const exact = new Map<string, readonly string[]>();
  const wildcard = new Map<string, readonly string[]>();
  const entries = Object.entries(table.table ?? {});
  for (const [host, info] of entries) {
    const name = normalizeName(host);
    if (name.startsWith('*.')) wildcard.set(name.slice(2), info.ips ?? []);
    else exact.set(name, info.ips ?? []);
  }
  for (const [, info] of entries) {
    for (const name of otherNames(info, namespace)) if (!exact.has(name)) exact.set(name, info.ips ?? []);
  }
  return { size: entries.length, lookup: (name) => lookup(exact, wildcard, normalizeName(name)) };
}

/** Lower case without the last dot. */
function normalizeName(name: string): string {
  const lower = name.toLowerCase();
  return lower.endsWith('.') ? lower.slice(0, -1) : lower;
}

function lookup(
  exact: ReadonlyMap<string, readonly string[]>,
  wildcard: ReadonlyMap<string, readonly string[]>,
  name: string,
): readonly string[] | undefined {
  const found = exact.get(name);
  if (found !== undefined || wildcard.size === 0) return found;
  for (let dot = name.indexOf('.'); dot >= 0; dot = name.indexOf('.', dot + 1)) {
    const byWildcard = wildcard.get(name.slice(dot + 1));
    if (byWildcard !== undefined) return byWildcard;
  }
  return undefined;
}

function otherNames(info: NameInfo, namespace: string): string[] {
  const names = (info.alt_hosts ?? []).map(normalizeName);
  if (info.registry !== 'Kubernetes' || !info.shortname || !info.namespace) return names;
  const short = normalizeName(`${info.shortname}.${info.namespace}`);
  names.push(short, `${short}.svc`);
  if (info.namespace === namespace) names.push(normalizeName(info.shortname));
  return names;
}
