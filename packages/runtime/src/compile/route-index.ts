import type { RequestView } from '../compiled.ts';
import type { HeaderMatch, PathMatch, RouteMatch } from '../types/route.ts';
import { headerValue } from './predicates.ts';

/** Finds the first of many routes that takes a request, in their order, without asking each. */
export interface RouteIndex<T> {
  /** `path` is without query. */
  first(request: RequestView, path: string, accepts: (item: T) => boolean): T | undefined;
}

/** So few routes are tried one by one faster than they are looked up. */
const SMALL = 8;
/** Where so many lists are to be gone through side by side, all routes in a row are as good: nobody can make a request dearer than that. */
const MOST_LISTS = 12;

/**
 * Every route stands in one list: that of its exact path, of what its path begins with, or of the value that it asks of a header, whichever names the
 * fewest routes; else in the list of those that are always tried. A request goes through the lists that it can be in, side by side, in the routes' order.
 * Answers undefined for few routes.
 */
export function indexRoutes<T>(routes: readonly { readonly match: RouteMatch; readonly item: T }[]): RouteIndex<T> | undefined {
  if (routes.length <= SMALL) return undefined;
  const items = routes.map(({ item }) => item);
  const { always, exact, headers, prefixes } = sortOut(routes.map(({ match }) => match));
  const lists: (readonly number[])[] = [];
  return {
    first(request, path, accepts) {
      lists.length = 0;
      if (always.length > 0) lists.push(always);
      const same = exact.get(path);
      if (same !== undefined) lists.push(same);
      prefixes.collect(path, lists);
      for (const [name, values] of headers) collectHeader(request, name, values, lists);
      return lists.length > MOST_LISTS ? items.find((item) => accepts(item)) : firstOf(lists, items, accepts);
    },
  };
}

type Lists = Map<string, number[]>;

interface Sorted {
  readonly always: readonly number[];
  readonly exact: ReadonlyMap<string, readonly number[]>;
  /** Header, then value. */
  readonly headers: ReadonlyMap<string, ReadonlyMap<string, readonly number[]>>;
  readonly prefixes: PrefixLists;
}

/** What a request must have to match a route. */
type Trait =
  | { readonly t: 'exact' | 'prefix'; readonly value: string; readonly name?: undefined }
  | { readonly t: 'header'; readonly name: string; readonly value: string };

function sortOut(matches: readonly RouteMatch[]): Sorted {
  const traits = matches.map(traitsOf);
  const uses = new Map<string, number>();
  for (const trait of traits.flat()) uses.set(keyOf(trait), (uses.get(keyOf(trait)) ?? 0) + 1);
  const count = (trait: Trait): number => uses.get(keyOf(trait)) ?? 0;
  const always: number[] = [];
  const exact: Lists = new Map();
  const prefixes: Lists = new Map();
  const headers = new Map<string, Lists>();
  for (const [position, all] of traits.entries()) {
    const [first, ...rest] = all;
    if (first === undefined) {
      always.push(position);
      continue;
    }
    const rarest = rest.reduce((best, trait) => (count(trait) < count(best) ? trait : best), first);
    if (rarest.t === 'header') append(within(headers, rarest.name), rarest.value, position);
    else append(rarest.t === 'exact' ? exact : prefixes, rarest.value, position);
  }
  return { always, exact, headers, prefixes: new PrefixLists(prefixes) };
}

const keyOf = ({ t, name = '', value }: Trait): string => `${t}\n${name}\n${value}`;

function append(lists: Lists, key: string, position: number): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [position]);
  else list.push(position);
}

function within(headers: Map<string, Lists>, name: string): Lists {
  let lists = headers.get(name);
  if (lists === undefined) headers.set(name, (lists = new Map()));
  return lists;
}

function traitsOf({ path, headers }: RouteMatch): readonly Trait[] {
  return [...pathTraits(path), ...headers.flatMap(headerTraits)];
}

function pathTraits(match: PathMatch): readonly Trait[] {
  if (match.t === 'connect' || (match.t !== 'regex' && match.ignoreCase)) return [];
  if (match.t === 'exact') return [{ t: 'exact', value: match.value }];
  const value = match.t === 'regex' ? literalPrefix(match.value) : match.value;
  return value === '' ? [] : [{ t: 'prefix', value }];
}

function headerTraits({ name, match, invert, missingIsEmpty }: HeaderMatch): readonly Trait[] {
  if (invert || missingIsEmpty || match.t !== 'string' || match.match.t !== 'exact' || match.match.ignoreCase) return [];
  return [{ t: 'header', name, value: match.match.value }];
}

/** The text that every match of a pattern starts with, as far as it is plain to see. Alternatives may start with anything. */
function literalPrefix(pattern: string): string {
  if (pattern.includes('|')) return '';
  const body = pattern.startsWith('^') ? pattern.slice(1) : pattern;
  const run = /^[A-Za-z0-9/_~-]*/.exec(body)?.[0] ?? '';
  const next = body[run.length];
  // `/ab*`: the quantifier belongs to the last character, which may then be missing.
  return next === '*' || next === '?' || next === '{' || next === '+' ? run.slice(0, -1) : run;
}

interface PrefixNode {
  readonly prefix: string;
  readonly list: readonly number[];
  /** The longest other one that this begins with. */
  readonly parent: PrefixNode | undefined;
}

/** Lists by what a path begins with. */
class PrefixLists {
  /** In the order of their texts: what begins with a text follows it at once. */
  readonly #nodes: readonly PrefixNode[];

  constructor(lists: ReadonlyMap<string, readonly number[]>) {
    const nodes: PrefixNode[] = [];
    let last: PrefixNode | undefined;
    for (const [prefix, list] of [...lists].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
      let parent = last;
      while (parent !== undefined && !prefix.startsWith(parent.prefix)) parent = parent.parent;
      nodes.push((last = { prefix, list, parent }));
    }
    this.#nodes = nodes;
  }

  /** Adds the lists of all that `path` begins with: they are the last text that is not behind it, and that one's parents. */
  collect(path: string, lists: (readonly number[])[]): void {
    let low = 0;
    let high = this.#nodes.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#nodes[middle] as PrefixNode).prefix <= path) low = middle + 1;
      else high = middle;
    }
    let node = this.#nodes[low - 1];
    while (node !== undefined && !path.startsWith(node.prefix)) node = node.parent;
    for (; node !== undefined; node = node.parent) lists.push(node.list);
  }
}

/** Several lines of a header count one by one, as its matcher takes them. */
function collectHeader(request: RequestView, name: string, values: ReadonlyMap<string, readonly number[]>, lists: (readonly number[])[]): void {
  const value = headerValue(request, name);
  if (value === undefined) return;
  const lines = value.includes(',') ? request.values?.(name) : undefined;
  for (const line of lines === undefined || lines.length < 2 ? [value] : lines) {
    const list = values.get(line);
    if (list !== undefined) lists.push(list);
  }
}

/** Goes through sorted lists of positions in the order of the positions. */
function firstOf<T>(lists: readonly (readonly number[])[], items: readonly T[], accepts: (item: T) => boolean): T | undefined {
  const next = lists.map(() => 0);
  for (;;) {
    let least = Infinity;
    for (const [index, list] of lists.entries()) least = Math.min(least, list[next[index] as number] ?? Infinity);
    const item = items[least];
    if (item === undefined) return undefined;
    if (accepts(item)) return item;
    for (const [index, list] of lists.entries()) if (list[next[index] as number] === least) next[index] = (next[index] as number) + 1;
  }
}
