import type { Service } from './types/service.ts';

/** How a client names the endpoint of its session. Without `ttl` (a duration) the cookie ends with the browser's session. */
export type Session =
  | { readonly t: 'cookie'; readonly name: string; readonly path: string; readonly ttl?: string }
  | { readonly t: 'header'; readonly name: string };

/** Istio's labels of Services: the name of a cookie (whose path is `/`: no label can hold another), or of a header. */
const COOKIE = 'istio.io/persistent-session';
const HEADER = 'istio.io/persistent-session-header';

/** The sessions that a service asks its callers to keep; undefined: none. The cookie comes before the header, as in Istio. */
export function sessionOf({ labels }: Pick<Service, 'labels'>): Session | undefined {
  const cookie = labels[COOKIE] ?? '';
  const header = labels[HEADER] ?? '';
  if (cookie === '') return header === '' ? undefined : { t: 'header', name: header };
  return { t: 'cookie', name: cookie, path: '/' };
}
