/** What an admin port answered. */
export interface AdminAnswer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

/** Asks an admin port; `body` makes it a POST. */
export async function askAdmin(base: string, path: string, { method = 'GET', body }: { method?: string; body?: string } = {}): Promise<AdminAnswer> {
  const response = await fetch(base + path, { method, ...(body === undefined ? {} : { body }) });
  return { status: response.status, type: response.headers.get('content-type') ?? '', body: await response.text() };
}

/** How two JSON values differ in members and types: `a.b: only ours`, `a[].c: string, Envoy number`. Values are not looked at. */
export function shapeDifferences(ours: unknown, envoy: unknown, path = ''): readonly string[] {
  const [own, its] = [kindOf(ours), kindOf(envoy)];
  if (own !== its) return [`${path}: ${own}, Envoy ${its}`];
  if (Array.isArray(ours) && Array.isArray(envoy)) {
    if (ours.length === 0 || envoy.length === 0) return ours.length === envoy.length ? [] : [`${path}: empty in one`];
    return shapeDifferences(joined(ours), joined(envoy), `${path}[]`);
  }
  if (own !== 'object') return [];
  const [a, b] = [ours as Record<string, unknown>, envoy as Record<string, unknown>];
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].sort().flatMap((name) => {
    const at = path === '' ? name : `${path}.${name}`;
    if (!(name in a)) return [`${at}: only Envoy`];
    return name in b ? shapeDifferences(a[name], b[name], at) : [`${at}: only ours`];
  });
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}

/** Items of a list as one: with every member that some of them has. */
function joined(items: readonly unknown[]): unknown {
  if (items.every((item) => kindOf(item) === 'object')) return Object.assign({}, ...(items as object[]));
  return items[0];
}

/** Lines of text without what differs from run to run: numbers and addresses. */
export function lineShapes(text: string): readonly string[] {
  const lines = text.split('\n').map((line) => line.replaceAll(/\d+(\.\d+)*(:\d+)?/g, '#'));
  return [...new Set(lines)].filter((line) => line !== '').sort();
}
