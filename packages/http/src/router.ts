import { MeshError } from '@meltemi/base';
import type { Route } from './types.ts';

export type RouteMatch =
  | { readonly t: 'found'; readonly route: Route; readonly params: Readonly<Record<string, string>> }
  | { readonly t: 'method'; readonly allow: readonly string[] }
  | { readonly t: 'none' };

interface TreeNode {
  readonly literal: Map<string, TreeNode>;
  param?: TreeNode;
  /** A last segment `*name`: takes one or more segments. */
  rest?: TreeNode;
  readonly routes: Map<string, { readonly route: Route; readonly names: readonly string[] }>;
}

/** The table of routes as a tree of path segments. Throws MeshError `http/route` when two routes are the same. */
export function createRouter(routes: readonly Route[]): (method: string, path: string) => RouteMatch {
  const root = newNode();
  for (const route of routes) add(root, route);
  return (method, path) => {
    const segments = path.split('/').slice(1);
    const found: { readonly node: TreeNode; readonly values: readonly string[] }[] = [];
    collect(root, segments, 0, [], found);
    const allow = new Set<string>();
    for (const { node, values } of found) {
      const entry = node.routes.get(method) ?? (method === 'HEAD' ? node.routes.get('GET') : undefined);
      if (entry !== undefined)
        return { t: 'found', route: entry.route, params: Object.fromEntries(entry.names.map((name, index) => [name, values[index] ?? ''])) };
      for (const known of node.routes.keys()) allow.add(known);
    }
    if (allow.has('GET')) allow.add('HEAD');
    return allow.size === 0 ? { t: 'none' } : { t: 'method', allow: [...allow] };
  };
}

function newNode(): TreeNode {
  return { literal: new Map(), routes: new Map() };
}

function add(root: TreeNode, route: Route): void {
  if (!route.path.startsWith('/')) throw new MeshError('http/route', `the path "${route.path}" must begin with "/"`);
  const names: string[] = [];
  let node = root;
  const segments = route.path.split('/').slice(1);
  segments.forEach((segment, index) => {
    if (segment.startsWith('*')) {
      if (index !== segments.length - 1) throw new MeshError('http/route', `in "${route.path}", "${segment}" must be the last segment`);
      names.push(segment.slice(1));
      node = node.rest ??= newNode();
    } else if (segment.startsWith(':')) {
      names.push(segment.slice(1));
      node = node.param ??= newNode();
    } else {
      const next = node.literal.get(segment) ?? newNode();
      node.literal.set(segment, next);
      node = next;
    }
  });
  if (node.routes.has(route.method)) throw new MeshError('http/route', `${route.method} ${route.path} is in the table twice`);
  node.routes.set(route.method, { route, names });
}

/** All nodes that a path reaches, the most literal first. */
function collect(
  ...[node, segments, depth, values, found]: [TreeNode, readonly string[], number, readonly string[], { node: TreeNode; values: readonly string[] }[]]
): void {
  const segment = segments[depth];
  if (segment === undefined) {
    if (node.routes.size > 0) found.push({ node, values });
    return;
  }
  const literal = node.literal.get(segment);
  if (literal !== undefined) collect(literal, segments, depth + 1, values, found);
  const decoded = decodeSegment(segment);
  if (decoded === undefined) return;
  if (node.param !== undefined && decoded !== '') collect(node.param, segments, depth + 1, [...values, decoded], found);
  if (node.rest === undefined) return;
  const rest = segments.slice(depth).map(decodeSegment);
  if (rest.every((part) => part !== undefined)) found.push({ node: node.rest, values: [...values, rest.join('/')] });
}

/** Percent-decoded segment; undefined for a broken escape or one that hides a separator or a NUL. */
function decodeSegment(segment: string): string | undefined {
  try {
    const decoded = decodeURIComponent(segment);
    return /[/\\\0]/.test(decoded) ? undefined : decoded;
  } catch {
    return undefined;
  }
}
