import { normalizeTarget, type HeaderEdit, type InternalRedirectPolicy, type RequestView } from '@meltemi/runtime';
import { HEADER } from '@meltemi/wire';
import { dropAside } from './aside.ts';
import { dismissAttempt } from './end-attempt.ts';
import type { Exchange } from './exchange.ts';
import { editRequest } from './filters/edit-request.ts';
import { cleanTarget } from './headers.ts';
import { logEarlier } from './log-earlier.ts';
import { NO_PIECES } from './pieces.ts';
import { rescan } from './request-head.ts';
import { headerValue, knownValue } from './request-view.ts';

interface Target {
  readonly scheme: 'http' | 'https';
  readonly authority: string;
  readonly path: string;
}

/**
 * Follows a redirect of the upstream instead of passing it on, where the route says so: the request, changed, goes through the filters and
 * the routes once more. The response's head is in the worker's response scanner. Answers whether it was done: the stream is given up then.
 */
export function followRedirect(x: Exchange, bytes: Uint8Array): boolean {
  const policy = x.forward?.config.internalRedirect;
  const { responseScanner: scanner } = x.worker;
  if (policy === undefined || !policy.statuses.includes(scanner.status)) return false;
  const { status } = scanner;
  if (!mayGoElsewhere(x, policy)) return false;
  const target = readTarget(x, knownValue(scanner, bytes, HEADER.location));
  if (target === undefined || !isAllowed(x, policy, target)) return false;
  const copied = policy.copyHeaders.map((name) => ({ name, value: headerValue(scanner, bytes, name) }));
  const edits = redirectEdits(x, target, copied);
  if (!hasRoute(x, policy, target)) return false;
  x.redirects++;
  if (x.cluster !== undefined) x.cluster.counts.redirectsFollowed++;
  dropAside(x);
  dismissAttempt(x);
  logEarlier(x, 'internal_redirect');
  if (status === 303 && x.info.method !== 'HEAD' && x.info.method !== 'GET') dropBody(x);
  x.info.originalPath = target.path;
  editRequest(x, edits);
  x.scheme = target.scheme;
  x.phase = 'held';
  x.downstream.timers.stopTry();
  return true;
}

/** A request that is not whole cannot be sent anywhere else. */
function mayGoElsewhere(x: Exchange, policy: InternalRedirectPolicy): boolean {
  return x.bodyComplete && x.replayable && x.upgrade === '' && x.redirects < policy.maxRedirects;
}

const ABSOLUTE = /^(https?):\/\/([A-Za-z0-9._~%!$&'()*+;=:[\]-]+)((?:[/?][^#\s]*)?)(?:#|$)/i;

/**
 * An absolute URL; a fragment is not for servers. Its path is put in order as that of any request: what is routed and what policies see must
 * be what the upstream gets. One that cannot be is the client's to follow.
 */
function readTarget({ plan }: Exchange, location: string): Target | undefined {
  const match = ABSOLUTE.exec(location);
  if (match === null) return undefined;
  const [, scheme = '', authority = '', rest = ''] = match;
  const normal = normalizeTarget(cleanTarget(rest.startsWith('/') ? rest : `/${rest}`), plan.config);
  return normal.t === 'ok' ? { scheme: scheme.toLowerCase() === 'https' ? 'https' : 'http', authority, path: normal.path } : undefined;
}

function isAllowed(x: Exchange, policy: InternalRedirectPolicy, target: Target): boolean {
  if (!policy.crossScheme) return x.scheme === target.scheme;
  return !policy.safeOnly || x.scheme === 'https' || target.scheme === 'http';
}

/** Does some route take the changed request, and may it be this one? */
function hasRoute(x: Exchange, policy: InternalRedirectPolicy, target: Target): boolean {
  const { worker } = x;
  rescan(x);
  const { view } = worker;
  const changed: RequestView = {
    method: view.method,
    path: target.path,
    authority: target.authority,
    scheme: target.scheme,
    header: (name) => view.header(name),
    values: (name) => view.values(name),
    certificate: view.certificate,
    metadata: (namespace) => view.metadata(namespace),
  };
  const route = x.plan.http.routes()?.match(changed, worker.random);
  if (route === undefined) return false;
  const { name } = route.config;
  if (policy.allowedRoutes !== undefined && !policy.allowedRoutes.includes(name)) return false;
  if (!policy.newRoutesOnly) return true;
  // From one route to another once, in Envoy's way.
  const step = `${x.route?.config.name ?? ''}\n${name}`;
  if (x.redirectSteps?.has(step) === true) return false;
  (x.redirectSteps ??= new Set()).add(step);
  return true;
}

function redirectEdits(
  x: Exchange,
  target: Target,
  copied: readonly { readonly name: string; readonly value: string | undefined }[],
): readonly HeaderEdit[] {
  const set = (name: string, value: string): HeaderEdit => ({ name, action: 'overwrite', value });
  return [
    set('x-envoy-original-url', `${x.scheme}://${x.viewAuthority}${x.viewPath}`),
    ...copied.map(({ name, value }): HeaderEdit => (value === undefined ? { name, action: 'remove', value: '' } : set(name, value))),
    set(':authority', target.authority),
    set(':path', target.path),
  ];
}

/** See Other: the new request is a GET without a body. The request scanner shows the request. */
function dropBody(x: Exchange): void {
  const { requestScanner: scanner } = x.worker;
  x.body = NO_PIECES;
  x.bodyBytes = 0;
  x.requestTrailers = undefined;
  x.bodyForm = 'payload';
  x.info.method = 'GET';
  for (const id of [HEADER['content-length'], HEADER['transfer-encoding']]) if (scanner.known[id] !== 0) scanner.dropKnown(id);
}
