type Value = null | boolean | number | string | readonly Value[] | { readonly [key: string]: Value };

/** Block-style YAML of a JSON value, for goldens that people read. */
export function writeYaml(value: unknown): string {
  return lines(value as Value).join('\n') + '\n';
}

function lines(value: Value): readonly string[] {
  if (Array.isArray(value)) return value.length === 0 ? ['[]'] : value.flatMap((item: Value) => nested(lines(item), '- ', '  '));
  if (typeof value !== 'object' || value === null) return [scalar(value as null | boolean | number | string)];
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  if (entries.length === 0) return ['{}'];
  return entries.flatMap(([key, item]) => {
    const inner = lines(item);
    const name = scalar(key);
    if (typeof item !== 'object' || item === null || inner[0] === '[]' || inner[0] === '{}') return [`${name}: ${inner[0]}`];
    return [`${name}:`, ...inner.map((line) => `  ${line}`)];
  });
}

function nested(inner: readonly string[], first: string, rest: string): readonly string[] {
  return inner.map((line, index) => (index === 0 ? first : rest) + line);
}

function scalar(value: null | boolean | number | string): string {
  if (typeof value !== 'string') return String(value);
  const plain = /^[A-Za-z_/][A-Za-z0-9_./|%-]*$/.test(value) && !/^(true|false|null|yes|no|on|off|y|n|~)$/i.test(value);
  return plain ? value : JSON.stringify(value);
}
