import { createPublicKey } from 'node:crypto';
import { publicKeyFault } from '@meltemi/api';

/** What of a key is passed on: everything that checking a signature needs, and nothing of a private half. */
const FIELDS = ['kty', 'kid', 'alg', 'use', 'crv', 'n', 'e', 'x', 'y'] as const;
const MAX_KEYS = 100;

/**
 * The text of a key set (RFC 7517 section 5) with the keys that can be used, always in one form; undefined: there is none. Shared secrets (`oct`) are none of
 * them: what anybody can fetch is no secret.
 */
export function cleanKeySet(text: string): string | undefined {
  const keys = keysOf(text)
    .map(cleanKey)
    .filter((key) => key !== undefined);
  return keys.length === 0 ? undefined : JSON.stringify({ keys });
}

function keysOf(text: string): readonly unknown[] {
  try {
    const keys = (JSON.parse(text) as { readonly keys?: unknown } | null)?.keys;
    return Array.isArray(keys) ? keys.slice(0, MAX_KEYS) : [];
  } catch {
    return [];
  }
}

function cleanKey(value: unknown): Readonly<Record<string, string>> | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const entries = FIELDS.flatMap((name) => {
    const part: unknown = Object.hasOwn(value, name) ? (value as Readonly<Record<string, unknown>>)[name] : undefined;
    return typeof part === 'string' ? [[name, part] as const] : [];
  });
  const key: Readonly<Record<string, string>> = Object.fromEntries(entries);
  const { kty, use = 'sig' } = key;
  if (use !== 'sig' || kty === 'oct' || publicKeyFault(key) !== undefined) return undefined;
  try {
    createPublicKey({ format: 'jwk', key: { ...key } });
    return key;
  } catch {
    return undefined;
  }
}
