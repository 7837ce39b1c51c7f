import type { Json } from '../decode/reader.ts';
import type { FilterVerdict, HeaderEdit } from '../filters/types.ts';
import { toBase64Url, toUtf8 } from './base64.ts';
import { jwtMetadata, MISSING, WRONG_AUDIENCE, type GoodToken, type JwtJudgement } from './judge.ts';

const NAMESPACE = 'envoy.filters.http.jwt_authn';

/** What is told of a request whose tokens will not do. */
export interface RefusalTerms {
  /** The request's own address, for `www-authenticate`. */
  readonly uri: string;
  readonly stripBody: boolean;
}

/** What a judgement does with the request. */
export function jwtVerdict(judgement: JwtJudgement, terms: RefusalTerms): FilterVerdict | undefined {
  const metadata = jwtMetadata(judgement);
  const noted = metadata === undefined ? {} : { metadata: { [NAMESPACE]: metadata } };
  if (judgement.failure !== '') return { ...noted, reply: refusal(judgement.failure, terms) };
  const edits = judgement.good.flatMap(editsOf);
  if (edits.length === 0 && metadata === undefined) return undefined;
  return { ...noted, request: edits, reroute: judgement.good.some(({ provider }) => provider.clearRoute) };
}

function refusal(failure: string, { uri, stripBody }: RefusalTerms): NonNullable<FilterVerdict['reply']> {
  const error = failure === MISSING ? '' : ', error="invalid_token"';
  return {
    status: failure === WRONG_AUDIENCE ? 403 : 401,
    body: stripBody ? '' : failure,
    flag: '',
    details: `jwt_authn_access_denied{${failure.replaceAll(' ', '_')}}`,
    headers: stripBody ? [] : [{ name: 'www-authenticate', action: 'overwrite', value: `Bearer realm="${uri}"${error}` }],
  };
}

function editsOf({ provider, found, jwt }: GoodToken): readonly HeaderEdit[] {
  const edits: HeaderEdit[] = [];
  if (provider.payloadHeader !== '') {
    const pad = provider.padPayload ? '='.repeat((4 - (jwt.payloadText.length % 4)) % 4) : '';
    edits.push({ name: provider.payloadHeader, action: 'append', value: jwt.payloadText + pad });
  }
  for (const { header, claim } of provider.claimHeaders) {
    const value = claimText(claimAt(jwt.payload, claim));
    if (value !== '') edits.push({ name: header, action: 'append', value });
  }
  return provider.forward ? edits : [...edits, ...found.removal];
}

/** A claim by name, or inside other ones by a path with dots. */
function claimAt(payload: Json, path: string): unknown {
  if (Object.hasOwn(payload, path)) return payload[path];
  let value: unknown = payload;
  for (const key of path.split('.')) {
    if (typeof value !== 'object' || value === null || Array.isArray(value) || !Object.hasOwn(value, key)) return undefined;
    value = (value as Json)[key];
  }
  return value;
}

/** Words as they are; lists and structures as base64url of their JSON. */
function claimText(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return Number.isInteger(value) ? String(value) : value.toFixed(6);
  if (typeof value === 'boolean') return String(value);
  return typeof value === 'object' && value !== null ? toBase64Url(toUtf8(JSON.stringify(value))) : '';
}
