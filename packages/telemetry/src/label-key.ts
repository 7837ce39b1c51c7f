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

const keys = new WeakMap<Readonly<Record<string, string>>, string>();
