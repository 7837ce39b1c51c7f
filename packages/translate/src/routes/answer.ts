import type { HttpDirectResponse, HttpMatchRequest, HttpRedirect } from '@meltemi/api';
import type { DirectResponseAction, RedirectAction } from '@meltemi/protos-types';
import { nonEmpty } from '../common/defined.ts';
import type { RouteScope } from './scope.ts';

const CODES = { 301: 'MOVED_PERMANENTLY', 302: 'FOUND', 303: 'SEE_OTHER', 307: 'TEMPORARY_REDIRECT', 308: 'PERMANENT_REDIRECT' } as const;

/** Where a redirect is answered: the port that clients mean, and for which kinds of callers. */
type RedirectScope = Pick<RouteScope, 'gateways' | 'port' | 'tls'>;

/** A redirect from a listener. `uri` replaces the whole path; the port of the scheme (80, 443) is left out of the answer. */
export function redirectAction(redirect: HttpRedirect, listener: RedirectScope): RedirectAction {
  const code = CODES[(redirect.redirectCode ?? 301) as keyof typeof CODES];
  const port = portOf(redirect, listener);
  return {
    ...(redirect.authority === undefined || redirect.authority === '' ? {} : { host_redirect: redirect.authority }),
    ...(redirect.scheme === undefined || redirect.scheme === '' ? {} : { scheme_redirect: redirect.scheme }),
    ...(port === undefined ? {} : { port_redirect: port }),
    ...(redirect.prefixRewrite !== undefined && redirect.prefixRewrite !== ''
      ? { prefix_rewrite: redirect.prefixRewrite }
      : redirect.uri === undefined || redirect.uri === ''
        ? {}
        : { path_redirect: redirect.uri }),
    ...(code === 'MOVED_PERMANENTLY' ? {} : { response_code: code }),
  };
}

/**
 * The port to name. Outside a gateway its port may be another one (a load balancer, a published port): a redirect that keeps host and scheme keeps the port
 * that the client itself wrote in `Host`, which is what Envoy does when none is named.
 */
function portOf(redirect: HttpRedirect, listener: RedirectScope): number | undefined {
  const fromRequest = redirect.derivePort === 'FROM_REQUEST_PORT';
  const sameHost = nonEmpty(redirect.authority) === undefined && nonEmpty(redirect.scheme) === undefined;
  if (fromRequest && sameHost && !listener.gateways.includes('mesh')) return undefined;
  const scheme = nonEmpty(redirect.scheme?.toLowerCase()) ?? (listener.tls === true ? 'https' : 'http');
  const port = fromRequest ? listener.port : redirect.port;
  return port === (scheme === 'https' ? 443 : 80) ? undefined : port;
}

/** A fixed answer. */
export function directResponse(response: HttpDirectResponse): DirectResponseAction {
  const { body } = response;
  const source = body?.string !== undefined ? { inline_string: body.string } : body?.bytes !== undefined ? { inline_bytes: body.bytes } : undefined;
  return { status: response.status, ...(source === undefined ? {} : { body: source }) };
}

/** The part of a span's name that tells the route: `/api/v1/*`. */
export function operationPath(match: HttpMatchRequest | undefined): string {
  const uri = match?.uri;
  if (uri?.exact !== undefined) return uri.exact;
  if (uri?.prefix !== undefined) return `${uri.prefix}*`;
  return uri?.regex ?? '/*';
}
