import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { isLoopback } from './host-check.ts';
import type { Sessions } from './sessions.ts';
import type { Access, Caller } from './types.ts';

/** What a decision about access looks at. */
export interface AccessRequest {
  readonly access: Access;
  readonly headers: IncomingHttpHeaders;
  readonly remoteAddress: string;
}

export type AccessDecision =
  | { readonly t: 'allow'; readonly caller: Caller }
  | { readonly t: 'refuse'; readonly status: 401 | 403; readonly code: string; readonly message: string };

/** Decides whether a request may go to its handler. */
export type Authorizer = (request: AccessRequest) => AccessDecision;

export interface AuthorizerOptions {
  /** The admin token; without one, only sessions may write. */
  readonly token?: string | undefined;
  readonly sessions?: Sessions;
  /** Whether `read` routes are open to loopback without a credential; default true. */
  readonly loopbackReads?: boolean;
}

/**
 * Bearer token or session cookie for writes; reads are open on loopback. A wrong token is refused also where none is needed: it is
 * a mistake worth telling.
 */
export function createAuthorizer(options: AuthorizerOptions): Authorizer {
  const loopbackReads = options.loopbackReads ?? true;
  return (request) => {
    const credential = byToken(options, request) ?? bySession(options, request);
    if (credential !== undefined) return credential;
    if (request.access === 'open' || (request.access === 'read' && loopbackReads && isLoopback(request.remoteAddress)))
      return { t: 'allow', caller: { t: 'anonymous' } };
    const what = request.access === 'write' ? 'Writing' : 'Reading from another machine';
    return refuse(
      401,
      'http/token-needed',
      `${what} needs the token: send "Authorization: Bearer …" (file run/token in the state directory)${options.sessions === undefined ? '' : ', or open a session with the URL that the control plane prints'}.`,
    );
  };
}

function byToken(options: AuthorizerOptions, request: AccessRequest): AccessDecision | undefined {
  const bearer = bearerOf(request.headers);
  if (bearer === undefined) return undefined;
  if (options.token !== undefined && sameSecret(bearer, options.token)) return { t: 'allow', caller: { t: 'token' } };
  return request.access === 'open' ? undefined : refuse(401, 'http/bad-token', 'The token is not the one of this control plane.');
}

function bySession(options: AuthorizerOptions, request: AccessRequest): AccessDecision | undefined {
  const untilMs = options.sessions?.find(request.headers);
  if (untilMs === undefined) return undefined;
  if (request.access === 'write' && !isSameOrigin(request.headers))
    return refuse(403, 'http/cross-origin', 'A page of another origin may not write.');
  return { t: 'allow', caller: { t: 'session', untilMs } };
}

function refuse(status: 401 | 403, code: string, message: string): AccessDecision {
  return { t: 'refuse', status, code, message };
}

function bearerOf(headers: IncomingHttpHeaders): string | undefined {
  return /^Bearer +(\S+) *$/i.exec(headers.authorization ?? '')?.[1];
}

/** Compares in a time that does not depend on where two secrets differ. */
function sameSecret(a: string, b: string): boolean {
  return timingSafeEqual(createHash('sha256').update(a).digest(), createHash('sha256').update(b).digest());
}

/** A browser tells where a request comes from; a cookie must not work for pages of others. */
function isSameOrigin(headers: IncomingHttpHeaders): boolean {
  const site = headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return false;
  const origin = headers.origin;
  if (origin === undefined) return true;
  return URL.canParse(origin) && new URL(origin).host === headers.host;
}
