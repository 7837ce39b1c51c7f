import { MeshError } from '@meltemi/base';
import { request, type AddressGuard, type ClientResponse } from '@meltemi/http';
import type { KeySource } from '@meltemi/model';
import { cleanKeySet } from './clean-key-set.ts';

/** What came of asking: a key set (text of a JWKS, public keys only), or why there is none. */
export type FetchedKeys = { readonly t: 'keys'; readonly jwks: string } | { readonly t: 'fault'; readonly message: string };

/** Asks a source for its keys, within so many milliseconds for each request. Never rejects. */
export type FetchKeys = (source: KeySource, timeoutMs: number, signal: AbortSignal) => Promise<FetchedKeys>;

export interface FetchKeysOptions {
  /** Which addresses may be called. */
  readonly allows: AddressGuard;
  /** PEM certificates that servers are verified by. */
  readonly roots: () => readonly string[];
}

/** No set of keys is as large as that. */
const MAX_BYTES = 256 << 10;
/** Nor any address as long; what a stranger's server says stands in findings and logs. */
const MAX_URL = 2_048;

/** Fetches over HTTP: redirects are not followed, sizes are bounded, and every address is looked at before it is called. */
export function createFetchKeys(options: FetchKeysOptions): FetchKeys {
  return async (source, timeoutMs, signal) => {
    const get = (url: string): Promise<ClientResponse> => getBounded(url, { ...options, timeoutMs, signal });
    try {
      const url = source.t === 'keys' ? source.url : discovered(source.url, await get(source.url));
      const jwks = cleanKeySet((await get(url)).text());
      return jwks === undefined ? fault(`${url} answers with no key set that could be used (JSON with "keys", RFC 7517)`) : { t: 'keys', jwks };
    } catch (error) {
      return fault(messageOf(error));
    }
  };
}

function fault(message: string): FetchedKeys {
  return { t: 'fault', message };
}

function messageOf(error: unknown): string {
  if (!(error instanceof MeshError)) return error instanceof Error ? error.message : String(error);
  return error.code === 'http/forbidden-address'
    ? `${error.message}: link-local addresses are blocked, and those of --jwks-blocked-cidrs`
    : error.message;
}

async function getBounded(
  url: string,
  { allows, roots, timeoutMs, signal }: FetchKeysOptions & { readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<ClientResponse> {
  const response = await request({
    url,
    headers: { accept: 'application/json, application/jwk-set+json' },
    timeoutMs,
    signal,
    maxBytes: MAX_BYTES,
    allowAddress: allows,
    ...(url.startsWith('https:') ? { trustedRoots: roots() } : {}),
  });
  const { status, headers } = response;
  if (status >= 300 && status < 400)
    throw new MeshError(
      'jwks/redirect',
      `${url} leads elsewhere (${status} to ${headers.location?.slice(0, MAX_URL) ?? 'nowhere'}), and redirects are not followed`,
    );
  if (status !== 200) throw new MeshError('jwks/status', `${url} answers with ${status}`);
  return response;
}

/** `jwks_uri` of a discovery document (OpenID Connect Discovery 1.0, section 4.2). */
function discovered(from: string, document: ClientResponse): string {
  const { jwks_uri: url } = (document.json() ?? {}) as { readonly jwks_uri?: unknown };
  if (typeof url !== 'string' || url.length > MAX_URL || !URL.canParse(url))
    throw new MeshError('jwks/discovery', `${from} does not tell where the keys are: "jwks_uri" is missing, or no address`);
  const { protocol, username, password } = new URL(url);
  if (username !== '' || password !== '' || (protocol !== 'https:' && (protocol !== 'http:' || from.toLowerCase().startsWith('https:'))))
    throw new MeshError('jwks/discovery', `${from} says that the keys are at "${url}", where none are fetched from: an https address is needed`);
  return url;
}
