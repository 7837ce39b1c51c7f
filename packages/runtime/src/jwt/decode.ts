import { decodeStringMatch } from '../decode/common.ts';
import { decodeDataSource } from '../decode/data-source.ts';
import { asObject, type Reader } from '../decode/reader.ts';
import { bareAudience } from './judge.ts';
import type { JwksSource, JwtProvider, JwtProviders, JwtRequirement } from './types.ts';

const DEFAULT_CACHE_MS = 600_000;
const DEFAULT_SKEW_SECONDS = 60;
const DEFAULT_TOKENS = 100;
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const NOTHING: JwtRequirement = { t: 'all', requirements: [] };

/** `providers`. */
export function decodeProviders(reader: Reader): JwtProviders {
  return Object.fromEntries(reader.entries('providers').map(([name, provider]) => [name, decodeProvider(provider)]));
}

function decodeProvider(reader: Reader): JwtProvider {
  const subjects = reader.message('subjects');
  const lifetime = reader.optionalDuration('max_lifetime');
  const cache = reader.message('jwt_cache_config');
  const skew = reader.number('clock_skew_seconds', 0);
  return {
    issuer: reader.string('issuer'),
    audiences: reader.strings('audiences').map(bareAudience),
    ...(subjects === undefined ? {} : { subjects: decodeStringMatch(subjects) }),
    requireExpiration: reader.bool('require_expiration'),
    ...(lifetime === undefined ? {} : { maxLifetimeSeconds: lifetime / 1000 }),
    jwks: decodeJwks(reader),
    headers: reader.messages('from_headers').map((header) => ({ name: headerName(header, 'name'), prefix: header.string('value_prefix') })),
    params: reader.strings('from_params'),
    cookies: reader.strings('from_cookies'),
    forward: reader.bool('forward'),
    payloadHeader: reader.has('forward_payload_header') ? headerName(reader, 'forward_payload_header') : '',
    padPayload: reader.bool('pad_forward_payload_header'),
    claimHeaders: reader
      .messages('claim_to_headers')
      .map((entry) => ({ header: headerName(entry, 'header_name'), claim: entry.string('claim_name') })),
    payloadKey: reader.string('payload_in_metadata'),
    headerKey: reader.string('header_in_metadata'),
    failureKey: reader.string('failed_status_in_metadata'),
    spaceDelimited: reader.message('normalize_payload_in_metadata')?.strings('space_delimited_claims') ?? [],
    clockSkewSeconds: skew === 0 ? DEFAULT_SKEW_SECONDS : skew,
    cacheSize: cache === undefined ? 0 : cache.number('jwt_cache_size', DEFAULT_TOKENS),
    clearRoute: reader.bool('clear_route_cache'),
  };
}

function headerName(reader: Reader, field: string): string {
  const name = reader.string(field);
  reader.require(field, HEADER_NAME.test(name), `"${name}" is no header name`);
  return name.toLowerCase();
}

function decodeJwks(reader: Reader): JwksSource {
  const remote = reader.message('remote_jwks');
  if (remote !== undefined) return decodeRemote(remote);
  const local = reader.message('local_jwks');
  if (local === undefined) reader.fail('', 'neither local_jwks nor remote_jwks is set');
  const text = local === undefined ? '' : decodeDataSource(local);
  if (local !== undefined && text !== '' && !hasKeys(text)) local.fail('', 'is no key set: a JSON object with a list "keys" that is not empty');
  return { t: 'local', text };
}

/** Whether the keys are of a kind that can be used is told where they are used; a text that is no key set at all is a mistake. */
function hasKeys(text: string): boolean {
  try {
    const { keys } = asObject(JSON.parse(text)) ?? {};
    return Array.isArray(keys) && keys.some((key) => typeof asObject(key)?.['kty'] === 'string');
  } catch {
    return false;
  }
}

function decodeRemote(reader: Reader): JwksSource {
  const address = reader.message('http_uri');
  if (address === undefined) reader.fail('http_uri', 'missing');
  const fetch = reader.message('async_fetch');
  // A listener is never held back here: tokens wait for the first keys instead.
  fetch?.harmless('fast_listener');
  return {
    t: 'remote',
    ...(address === undefined ? { cluster: '', authority: '', path: '/', timeoutMs: 0 } : decodeAddress(address)),
    cacheMs: reader.duration('cache_duration', DEFAULT_CACHE_MS),
    ...(fetch === undefined ? {} : { refetchMs: fetch.duration('failed_refetch_duration', 1_000) }),
    ...decodeRetries(reader.message('retry_policy')),
  };
}

function decodeAddress(reader: Reader): { readonly cluster: string; readonly authority: string; readonly path: string; readonly timeoutMs: number } {
  const uri = reader.string('uri');
  const parsed = /^(?:https?:\/\/)?([^/?#]+)([^#]*)/i.exec(uri);
  reader.require('uri', parsed !== null, `"${uri}" is no address`);
  const cluster = reader.string('cluster');
  reader.require('cluster', cluster !== '', 'missing');
  const [, authority = '', path = ''] = parsed ?? [];
  return { cluster, authority, path: path.startsWith('/') ? path : `/${path}`, timeoutMs: reader.duration('timeout', 5_000) };
}

function decodeRetries(reader: Reader | undefined): Pick<JwksSource & { readonly t: 'remote' }, 'retries' | 'backOffMs' | 'maxBackOffMs'> {
  if (reader === undefined) return { retries: 0, backOffMs: 0, maxBackOffMs: 0 };
  const backOff = reader.message('retry_back_off');
  const backOffMs = backOff?.duration('base_interval', 1_000) ?? 1_000;
  const maxBackOffMs = backOff?.duration('max_interval', backOffMs * 10) ?? backOffMs * 10;
  const base = backOff?.has('base_interval') === false ? 'a second, which counts because base_interval is missing' : 'base_interval';
  backOff?.require('max_interval', maxBackOffMs >= backOffMs, `is less than ${base}`);
  return { retries: reader.number('num_retries', 1), backOffMs, maxBackOffMs };
}

/** A `JwtRequirement`; providers that do not exist are faults. */
export function decodeRequirement(reader: Reader, providers: JwtProviders): JwtRequirement {
  const provider = (from: Reader): string => {
    const name = from.string('provider_name');
    from.require('provider_name', Object.hasOwn(providers, name), `there is no provider "${name}"`);
    return name;
  };
  if (reader.has('provider_name')) return { t: 'provider', provider: provider(reader) };
  const narrowed = reader.message('provider_and_audiences');
  if (narrowed !== undefined) {
    return { t: 'provider', provider: provider(narrowed), audiences: narrowed.strings('audiences').map(bareAudience) };
  }
  for (const t of ['any', 'all'] as const) {
    const list = reader.message(`requires_${t}`);
    if (list === undefined) continue;
    const requirements = list.messages('requirements').map((item) => decodeRequirement(item, providers));
    list.require('requirements', requirements.length >= 2, 'needs at least two');
    return { t, requirements };
  }
  if (reader.message('allow_missing_or_failed') !== undefined) return { t: 'allow-missing-or-failed' };
  if (reader.message('allow_missing') !== undefined) return { t: 'allow-missing' };
  // Envoy would let everybody pass; it is more likely a kind of requirement that is not known here.
  reader.fail('', 'no requirement is set; leave it out where none is meant');
  return NOTHING;
}
