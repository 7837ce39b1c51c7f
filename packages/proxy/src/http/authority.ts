const AUTHORITY = /^[A-Za-z0-9._~%!$&'()*+;=:[\]-]+$/;

/** Can this be asked for: a host, with a port or not (RFC 3986 section 3.2, without user information)? */
export function isAuthority(text: string): boolean {
  return AUTHORITY.test(text);
}
