/** How far an object is seen: nowhere, by its own and named namespaces, or by all. */
export interface Visibility {
  readonly t: 'none' | 'namespaces' | 'all';
  readonly namespaces: readonly string[];
}

const ALL: Visibility = { t: 'all', namespaces: [] };
const NONE: Visibility = { t: 'none', namespaces: [] };

/** `exportTo` as a visibility: `*` all, `.` the own namespace, `~` none, else names. */
export function visibilityOf(exportTo: readonly string[], namespace: string): Visibility {
  if (exportTo.includes('*')) return ALL;
  if (exportTo.includes('~')) return NONE;
  const namespaces = [...new Set(exportTo.map((entry) => (entry === '.' ? namespace : entry)))].sort();
  return { t: 'namespaces', namespaces };
}

/** Whether an object of that visibility is seen in a namespace. */
export function isVisibleIn(visibility: Visibility, namespace: string): boolean {
  return visibility.t === 'all' || (visibility.t === 'namespaces' && visibility.namespaces.includes(namespace));
}

/** Objects by who sees them, each list oldest first. Read `own`, then `exported`, then `all`: Istio's order of precedence. */
export interface VisibilityIndex<T> {
  /** Seen by the object's own namespace only. */
  readonly own: ReadonlyMap<string, readonly T[]>;
  /** Exported to named namespaces. */
  readonly exported: ReadonlyMap<string, readonly T[]>;
  readonly all: readonly T[];
}

/** Sorts items, given oldest first, into an index. */
export function indexByVisibility<T>(
  items: readonly T[],
  of: (item: T) => { readonly namespace: string; readonly visibility: Visibility },
): VisibilityIndex<T> {
  const own = new Map<string, T[]>();
  const exported = new Map<string, T[]>();
  const all: T[] = [];
  for (const item of items) {
    const { namespace, visibility } = of(item);
    if (visibility.t === 'all') all.push(item);
    else if (visibility.namespaces.length === 1 && visibility.namespaces[0] === namespace) push(own, namespace, item);
    else for (const target of visibility.namespaces) push(exported, target, item);
  }
  return { own, exported, all };
}

/** Everything a namespace sees, in order of precedence. */
export function visibleIn<T>(index: VisibilityIndex<T>, namespace: string): readonly T[] {
  const own = index.own.get(namespace);
  const exported = index.exported.get(namespace);
  if (own === undefined && exported === undefined) return index.all;
  return [...(own ?? []), ...(exported ?? []), ...index.all];
}

/** Adds to the list under a key. */
export function push<K, T>(map: Map<K, T[]>, key: K, item: T): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [item]);
  else list.push(item);
}
