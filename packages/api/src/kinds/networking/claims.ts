/** Names of headers by which routes match claims of a token begin so. */
const CLAIMS = '@request.auth.claims';

/** What a header's name in a match says of a token: nothing, a claim by its path, or nonsense. */
export type ClaimName =
  | { readonly t: 'header' }
  | { readonly t: 'claim'; readonly path: readonly string[] }
  | { readonly t: 'wrong'; readonly why: string };

/**
 * `@request.auth.claims.groups`, nested ones as `@request.auth.claims.address.city`, or, where names have dots, as `@request.auth.claims[example.com/roles][admin]`
 * (Istio's form). A name that begins with `@` and is nothing of this is wrong: no header is called so.
 */
export function claimName(header: string): ClaimName {
  if (!header.startsWith('@')) return { t: 'header' };
  if (!header.toLowerCase().startsWith(CLAIMS)) return { t: 'wrong', why: `of a token, only claims can be matched: ${CLAIMS}.NAME` };
  const path = pathOf(header.slice(CLAIMS.length));
  if (path === undefined || path.some((part) => part === '')) return { t: 'wrong', why: `write ${CLAIMS}.NAME or ${CLAIMS}[NAME][NAME]` };
  return { t: 'claim', path };
}

function pathOf(text: string): readonly string[] | undefined {
  if (text.startsWith('.')) return text.slice(1).split('.');
  return /^(?:\[[^[\]]+\])+$/.test(text) ? text.slice(1, -1).split('][') : undefined;
}
