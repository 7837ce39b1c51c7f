import { z } from 'zod';
import type { Config, DeepReadonly } from '../../config.ts';
import { defineKind, type Finding } from '../../kind.ts';
import { base64Text } from '../../schema/base64.ts';
import { opt, text } from '../../schema/fields.ts';

/** What stands in the place of a value wherever an object is shown. It is no base64, so it cannot come back as a value. */
export const HIDDEN_VALUE = '(hidden)';

const KEY = /^[-._a-zA-Z0-9]{1,253}$/;
export const dataKey = text((key) => (KEY.test(key) ? undefined : `"${key}" is not a key: letters, digits, "-", "_" and "."`));
// A message never repeats a value: it may be half of a key.
const shown = (value: string): string | undefined =>
  value === HIDDEN_VALUE ? 'is the mark of a hidden value, not the value: values of Secrets are never shown; write the real one' : undefined;
const base64Value = text((value) => shown(value) ?? (base64Text(value) === undefined ? 'is not base64' : undefined));
const plainValue = text(shown);

const secretSchema = z.strictObject({
  type: z.string().default('Opaque').describe('kubernetes.io/tls asks for the keys tls.crt and tls.key.'),
  data: opt(z.record(dataKey, base64Value), 'Values in base64. Write-only: they are never shown.'),
  stringData: opt(z.record(dataKey, plainValue), 'Values as text; they win over data. Write-only: they are never shown.'),
  immutable: opt(z.boolean(), 'For Kubernetes.'),
});

/** The fields of a Secret, which stand beside `metadata`. */
export type Secret = DeepReadonly<z.output<typeof secretSchema>>;

/** The kind Secret. */
export const secretKind = defineKind({
  gvk: { group: '', versions: ['v1'], kind: 'Secret' },
  plural: 'secrets',
  schema: secretSchema,
  body: 'root',
  specOptional: true,
  hidden: ['data', 'stringData'],
  unsupported: { 'immutable!=false': 'objects can always be replaced here' },
  validate: validateSecret,
  columns: [{ name: 'Type', path: 'type' }],
  docs: 'Certificates and keys: proxies get those that Gateways and DestinationRules of their own namespace name by credentialName. Values are written, never shown.',
});

function validateSecret(spec: Secret): Finding[] {
  const value = (key: string): string | undefined =>
    spec.stringData?.[key] ?? (spec.data?.[key] === undefined ? undefined : base64Text(spec.data[key]));
  const at = (key: string): readonly string[] => (spec.stringData?.[key] === undefined ? ['data', key] : ['stringData', key]);
  const findings: Finding[] = [];
  for (const [key, label] of spec.type === 'kubernetes.io/tls'
    ? ([
        ['tls.crt', 'CERTIFICATE'],
        ['tls.key', 'PRIVATE KEY'],
      ] as const)
    : []) {
    const found = value(key);
    if (found === undefined) findings.push({ path: [], message: `a Secret of type kubernetes.io/tls needs the key ${key}` });
    else if (!found.includes('-----BEGIN ') || !found.includes(label)) findings.push({ path: at(key), message: `must be PEM text with a ${label}` });
  }
  return findings;
}

/** The value of the first of these keys that a Secret has. */
export function secretValue(secret: Config<Secret>, ...keys: readonly string[]): string | undefined {
  for (const key of keys) {
    const { data, stringData } = secret.spec;
    const found = stringData?.[key] ?? (data?.[key] === undefined ? undefined : base64Text(data[key]));
    if (found !== undefined && found !== '') return found;
  }
  return undefined;
}
