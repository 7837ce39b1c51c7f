/** A path inside an object, from its root: `['spec', 'http', 0, 'route']`. */
export type Path = readonly (string | number)[];

const PLAIN = /^[A-Za-z_@$][\w@$-]*$/;

/** `spec.http[0].route`; keys that are no plain names are quoted: `metadata.labels["app.kubernetes.io/name"]`. */
export function formatPath(path: Path): string {
  let out = '';
  for (const part of path) {
    if (typeof part === 'number') out += `[${part}]`;
    else if (PLAIN.test(part)) out += out === '' ? part : `.${part}`;
    else out += `[${JSON.stringify(part)}]`;
  }
  return out;
}

/** The inverse of `formatPath`. What is no path ends the result. */
export function parsePath(text: string): Path {
  const path: (string | number)[] = [];
  const part = /\.?([A-Za-z_@$][\w@$-]*)|\[(\d+)\]|\[("(?:[^"\\]|\\.)*")\]/y;
  for (let match = part.exec(text); match !== null; match = part.exec(text)) {
    if (match[1] !== undefined) path.push(match[1]);
    else if (match[2] !== undefined) path.push(Number(match[2]));
    else path.push(JSON.parse(match[3] ?? '""') as string);
  }
  return path;
}

/** True when `path` begins with `prefix`. */
export function isWithin(path: Path, prefix: Path): boolean {
  return prefix.length <= path.length && prefix.every((part, index) => path[index] === part);
}

/** The value at a path; undefined when it is not there. */
export function valueAt(value: unknown, path: Path): unknown {
  let at = value;
  for (const part of path)
    at = typeof at === 'object' && at !== null && Object.hasOwn(at, part) ? (at as Readonly<Record<string | number, unknown>>)[part] : undefined;
  return at;
}

/** A path of zod, which may hold symbols in its type but never in JSON. */
export function toPath(path: readonly PropertyKey[]): Path {
  return path.map((part) => (typeof part === 'number' ? part : String(part)));
}
