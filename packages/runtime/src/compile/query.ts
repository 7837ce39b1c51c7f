/** First value of each name in the query of a target, as sent (Envoy does not decode it). */
export function parseQuery(target: string): ReadonlyMap<string, string> {
  const query = new Map<string, string>();
  const mark = target.indexOf('?');
  if (mark < 0) return query;
  const end = target.indexOf('#', mark);
  for (const pair of target.slice(mark + 1, end < 0 ? undefined : end).split('&')) {
    const equals = pair.indexOf('=');
    const name = equals < 0 ? pair : pair.slice(0, equals);
    if (!query.has(name)) query.set(name, equals < 0 ? '' : pair.slice(equals + 1));
  }
  return query;
}

/** The first value of one name; undefined = it is not there. */
export function firstQueryValue(target: string, name: string): string | undefined {
  return target.includes('?') ? parseQuery(target).get(name) : undefined;
}
