/** The path of a request target, and the rest from `?` (or `#`) on. */
export function splitTarget(target: string): readonly [path: string, rest: string] {
  const end = pathEnd(target);
  return end === target.length ? [target, ''] : [target.slice(0, end), target.slice(end)];
}

/** The path alone. */
export function pathOf(target: string): string {
  const end = pathEnd(target);
  return end === target.length ? target : target.slice(0, end);
}

function pathEnd(target: string): number {
  const query = target.indexOf('?');
  const fragment = target.indexOf('#');
  if (query < 0) return fragment < 0 ? target.length : fragment;
  return fragment < 0 ? query : Math.min(query, fragment);
}
