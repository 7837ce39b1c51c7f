import { publicKeyFault, type Jwk } from './public-key.ts';

/** What is wrong with a key set (JWKS, RFC 7517 section 5) that stands in an object. */
export interface KeySetFinding {
  readonly message: string;
  readonly fix?: string;
  readonly severity?: 'warning';
}

/** Fields of private keys (RFC 7518 sections 6.2.2 and 6.3.2, RFC 8037 section 2). */
const PRIVATE = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth'];

/** Proxies look at no more. */
const MAX_KEYS = 100;

/** Reads the text of a key set; empty: it is good. */
export function keySetFindings(text: string): readonly KeySetFinding[] {
  const keys = keysOf(text);
  if (keys === undefined) return [{ message: 'is no key set: JSON of the form { "keys": [ … ] } is needed, with 1 to 100 keys' }];
  const leaked = keys.find((key) => PRIVATE.some((field) => Object.hasOwn(key, field)));
  if (leaked !== undefined) return [leak(leaked)];
  const faults = keys.map(publicKeyFault);
  if (!faults.includes(undefined)) return [{ message: `no key of the set can be used: ${faults[0] ?? ''}` }];
  return keys.some(({ kty }) => kty === 'oct') ? [SHARED] : [];
}

function keysOf(text: string): readonly Jwk[] | undefined {
  try {
    const { keys } = (JSON.parse(text) ?? {}) as { readonly keys?: unknown };
    return Array.isArray(keys) && keys.length > 0 && keys.length <= MAX_KEYS && keys.every(isObject) ? keys : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Jwk {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whoever reads the object could sign tokens in the name of the issuer; and it has been read, at least here. */
function leak({ kid }: Jwk): KeySetFinding {
  return {
    message: `the key ${typeof kid === 'string' ? `"${kid}" ` : ''}holds its private half: whoever reads this can make tokens`,
    fix: 'Take the key out of use, for it is no secret any more; write the public half of a new one (n and e, or crv, x and y) here.',
  };
}

const SHARED: KeySetFinding = {
  message: 'a key of the kind "oct" is a secret that issuer and mesh share: whoever reads this object can make tokens',
  fix: 'Let the issuer sign with a key pair (ES256, RS256), and write its public half here.',
  severity: 'warning',
};
