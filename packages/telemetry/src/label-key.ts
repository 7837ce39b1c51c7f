/** A text that is equal exactly for equal label sets. Remembered per object: label sets are immutable. */
export function labelKey(labels: Readonly<Record<string, string>>): string {
  let key = keys.get(labels);
  if (key === undefined) {
    const names = Object.keys(labels).toSorted();
    key = names.map((name) => `${name}\u0000${labels[name] ?? ''}`).join('\u0001');
    keys.set(labels, key);
  }
  return key;
}

/** A label by its name; what every object has besides its own is none. */
export function labelOf(labels: Readonly<Record<string, string>>, name: string): string | undefined {
  return Object.hasOwn(labels, name) ? labels[name] : undefined;
}

const keys = new WeakMap<Readonly<Record<string, string>>, string>();
