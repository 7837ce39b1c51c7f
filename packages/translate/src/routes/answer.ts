import type { HttpDirectResponse, HttpMatchRequest, HttpRedirect } from '@meltemi/api';
import type { DirectResponseAction, RedirectAction } from '@meltemi/protos-types';
import { nonEmpty } from '../common/defined.ts';

const CODES = { 301: 'MOVED_PERMANENTLY', 302: 'FOUND', 303: 'SEE_OTHER', 307: 'TEMPORARY_REDIRECT', 308: 'PERMANENT_REDIRECT' } as const;

/** A redirect from a listener. `uri` replaces the whole path; the port of the scheme (80, 443) is left out of the answer. */
export function redirectAction(redirect: HttpRedirect, listener: { readonly port: number; readonly tls?: boolean }): RedirectAction {
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

function portOf(redirect: HttpRedirect, listener: { readonly port: number; readonly tls?: boolean }): number | undefined {
  const scheme = nonEmpty(redirect.scheme?.toLowerCase()) ?? (listener.tls === true ? 'https' : 'http');
  const port = redirect.derivePort === 'FROM_REQUEST_PORT' ? listener.port : redirect.port;
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
