/** A place in which two observations differ. */
export interface Difference {
  readonly path: string;
  readonly embedded: unknown;
  readonly envoy: unknown;
}

/** Every difference between two plain values, with its path. */
export function differences(embedded: unknown, envoy: unknown, path = ''): Difference[] {
  if (isObject(embedded) && isObject(envoy)) {
    const keys = [...new Set([...Object.keys(embedded), ...Object.keys(envoy)])].sort();
    return keys.flatMap((key) => differences(embedded[key], envoy[key], path === '' ? key : `${path}.${key}`));
  }
  return Object.is(embedded, envoy) ? [] : [{ path, embedded, envoy }];
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
