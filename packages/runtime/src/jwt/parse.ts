import { asObject, type Json } from '../decode/reader.ts';
import { fromBase64Url, fromUtf8 } from './base64.ts';

/** Signature algorithms (RFC 7518 section 3.1, RFC 8037); `none` is not among them. */
export const JWT_ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'HS256',
  'HS384',
  'HS512',
] as const;
export type JwtAlgorithm = (typeof JWT_ALGORITHMS)[number];

/** A JSON web token, read and not verified. Times are seconds since 1970; undefined = the claim is absent. */
export interface Jwt {
  readonly algorithm: JwtAlgorithm;
  /** '' = none. */
  readonly kid: string;
  readonly header: Json;
  readonly payload: Json;
  readonly payloadText: string;
  readonly issuer: string;
  readonly subject: string;
  readonly audiences: readonly string[];
  readonly issuedAt: number | undefined;
  readonly notBefore: number | undefined;
  readonly expires: number | undefined;
  /** What is signed, and the signature. */
  readonly signed: string;
  readonly signature: Uint8Array;
}

/** The token, or what is wrong with it, in Envoy's words. */
export type ParsedJwt = { readonly t: 'jwt'; readonly jwt: Jwt } | { readonly t: 'fault'; readonly message: string };

/** Reads a compact serialisation (RFC 7519). Never throws. */
export function parseJwt(token: string): ParsedJwt {
  const sections = token.split('.');
  const [head = '', body = '', tail = ''] = sections;
  if (sections.length !== 3 || sections.includes('')) return fault('Jwt is not in the form of Header.Payload.Signature with two dots and 3 sections');
  const header = parseSection(head, 'header');
  if (typeof header === 'string') return fault(header);
  const named = readHeader(header);
  if (typeof named === 'string') return fault(named);
  const payload = parseSection(body, 'payload');
  if (typeof payload === 'string') return fault(payload);
  const claims = readClaims(payload);
  if (typeof claims === 'string') return fault(claims);
  const signature = fromBase64Url(tail);
  if (signature === undefined) return fault('Jwt signature is an invalid Base64url encoded');
  return { t: 'jwt', jwt: { ...named, header, payload, payloadText: body, ...claims, signed: `${head}.${body}`, signature } };
}

function readHeader({ alg, kid = '' }: Json): Pick<Jwt, 'algorithm' | 'kid'> | string {
  if (typeof alg !== 'string') return 'Jwt header [alg] field is required and must be a string';
  const algorithm = JWT_ALGORITHMS.find((known) => known === alg);
  if (algorithm === undefined) return 'Jwt header [alg] is not supported';
  return typeof kid === 'string' ? { algorithm, kid } : 'Jwt header [kid] field is not a string';
}

function fault(message: string): ParsedJwt {
  return { t: 'fault', message };
}

function parseSection(text: string, name: 'header' | 'payload'): Json | string {
  const bytes = fromBase64Url(text);
  if (bytes === undefined) return `Jwt ${name} is an invalid Base64url encoded`;
  const json = fromUtf8(bytes) ?? '';
  try {
    return (nestingOf(json) > MAX_NESTING ? undefined : asObject(JSON.parse(json))) ?? `Jwt ${name} is an invalid JSON`;
  } catch {
    return `Jwt ${name} is an invalid JSON`;
  }
}

/** Deeper structures are of no use to anybody, and hard to write down again. */
const MAX_NESTING = 100;

/** Open brackets at a time; those inside texts count too, which only makes it stricter. */
function nestingOf(json: string): number {
  let depth = 0;
  let deepest = 0;
  for (let i = 0; i < json.length; i++) {
    const code = json.charCodeAt(i) | 32;
    // `[` and `{` differ from their closing ones by two, and from each other by the bit that was set.
    if (code === 123) deepest = Math.max(deepest, ++depth);
    else if (code === 125) depth--;
  }
  return deepest;
}

type Claims = Pick<Jwt, 'issuer' | 'subject' | 'audiences' | 'issuedAt' | 'notBefore' | 'expires'>;

function readClaims(payload: Json): Claims | string {
  const { iss = '', sub = '', jti = '', aud = [] } = payload;
  for (const [name, value] of Object.entries({ iss, sub })) if (typeof value !== 'string') return `Jwt payload [${name}] field is not a string`;
  const times = readTimes(payload);
  if (typeof times === 'string') return times;
  if (typeof jti !== 'string') return 'Jwt payload [jti] field is not a string';
  const audiences = typeof aud === 'string' ? [aud] : aud;
  if (!isTexts(audiences)) return 'Jwt payload [aud] field is not a string or string list';
  return { issuer: iss as string, subject: sub as string, audiences, ...times };
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

function readTimes(payload: Json): Pick<Jwt, 'issuedAt' | 'notBefore' | 'expires'> | string {
  const times: Partial<Record<'iat' | 'nbf' | 'exp', number>> = {};
  for (const name of ['iat', 'nbf', 'exp'] as const) {
    const value = payload[name];
    if (value === undefined) continue;
    if (typeof value !== 'number') return `Jwt payload [${name}] field is not an integer`;
    if (value < 0 || value >= 2 ** 63) return `Jwt payload [${name}] field is not a positive 64 bit integer`;
    times[name] = Math.floor(value);
  }
  return { issuedAt: times.iat, notBefore: times.nbf, expires: times.exp };
}
