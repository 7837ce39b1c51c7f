/** A field mask (`listener.name,version_info`), as a tree of names; a name without more below it stands for all of its field. */
export interface FieldMask {
  readonly [field: string]: FieldMask;
}

/** Paths by comma, names by dot. */
export function parseMask(text: string): FieldMask {
  const mask: Record<string, FieldMask> = {};
  for (const path of text.split(',')) {
    let at: Record<string, FieldMask> = mask;
    for (const name of path.trim().split('.')) {
      if (name === '' || name === '__proto__') break;
      at = at[name] ??= {};
    }
  }
  return mask;
}

/** What the mask leaves of a message; of a list it is applied to each item. An `@type` stays. */
export function applyMask(value: unknown, mask: FieldMask): unknown {
  if (Object.keys(mask).length === 0 || typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((item) => applyMask(item, mask));
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, inner]) => {
      const below = Object.hasOwn(mask, name) ? mask[name] : undefined;
      if (below !== undefined) return [[name, applyMask(inner, below)]];
      return name === '@type' ? [[name, inner]] : [];
    }),
  );
}
