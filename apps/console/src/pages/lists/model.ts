import type { ListItem } from '../../api/kiali.ts';
import { healthPriority, itemHealth } from '../../graph/health.ts';

/** One active filter: what it looks at and for what. */
export interface Filter {
  readonly by: FilterBy;
  readonly value: string;
}

export type FilterBy = 'health' | 'label' | 'name' | 'sidecar' | 'type';
export const FILTER_WORDS: Readonly<Record<FilterBy, string>> = {
  name: 'Name',
  health: 'Health',
  label: 'Label',
  sidecar: 'Istio Sidecar',
  type: 'Type',
};

export type SortBy = 'errorRate' | 'health' | 'name' | 'namespace' | 'type';

/** Filters as the address holds them: `name:rev;health:Degraded`. */
export function parseFilters(text: string): readonly Filter[] {
  return text.split(';').flatMap((part) => {
    const at = part.indexOf(':');
    const by = part.slice(0, at);
    const value = part.slice(at + 1).trim();
    return at > 0 && value !== '' && by in FILTER_WORDS ? [{ by: by as FilterBy, value }] : [];
  });
}

export function formatFilters(filters: readonly Filter[]): string {
  return filters.map((filter) => `${filter.by}:${filter.value.replaceAll(';', ' ')}`).join(';');
}

/** Rows that pass: of filters of one kind any, of different kinds all. Labels must all be there. */
export function applyFilters(items: readonly ListItem[], filters: readonly Filter[]): readonly ListItem[] {
  const kinds = new Set(filters.map((filter) => filter.by));
  return items.filter((item) =>
    [...kinds].every((by) => {
      const own = filters.filter((filter) => filter.by === by);
      return by === 'label' ? own.every((filter) => passes(item, filter)) : own.some((filter) => passes(item, filter));
    }),
  );
}

function passes(item: ListItem, { by, value }: Filter): boolean {
  switch (by) {
    case 'name':
      return item.name.toLowerCase().includes(value.toLowerCase());
    case 'health':
      return itemHealth(item.health).status.toLowerCase() === value.toLowerCase();
    case 'sidecar':
      return (item.istioSidecar !== false) === /^(present|yes|true)$/i.test(value);
    case 'type':
      return typeOf(item).toLowerCase().includes(value.toLowerCase());
    case 'label': {
      const [key = '', ...rest] = value.split('=');
      const label = item.labels?.[key.trim()];
      return rest.length === 0 ? label !== undefined : label === rest.join('=').trim();
    }
  }
}

export function typeOf(item: ListItem): string {
  return item.type ?? item.gvk?.Kind ?? '';
}

export function sortItems(items: readonly ListItem[], by: SortBy, descending: boolean): readonly ListItem[] {
  const key: Readonly<Record<SortBy, (item: ListItem) => number | string>> = {
    name: (item) => item.name,
    namespace: (item) => item.namespace,
    type: typeOf,
    health: (item) => -healthPriority(itemHealth(item.health).status),
    errorRate: (item) => itemHealth(item.health).errorPercent ?? -1,
  };
  const sorted = items.toSorted((a, b) => {
    const [x, y] = [key[by](a), key[by](b)];
    if (x !== y) return x < y ? -1 : 1;
    return `${a.namespace}/${a.name}` < `${b.namespace}/${b.name}` ? -1 : 1;
  });
  return descending ? sorted.toReversed() : sorted;
}

export interface PageSlice<T> {
  readonly rows: readonly T[];
  readonly page: number;
  readonly pages: number;
}

/** One page of a list; a page beyond the end is the last. */
export function slicePage<T>(items: readonly T[], page: number, perPage: number): PageSlice<T> {
  const size = Math.max(1, perPage);
  const pages = Math.max(1, Math.ceil(items.length / size));
  const current = Math.min(Math.max(1, page), pages);
  return { rows: items.slice((current - 1) * size, current * size), page: current, pages };
}
