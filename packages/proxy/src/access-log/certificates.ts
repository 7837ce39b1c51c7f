/** Node's lines of a name (`O=…`, `CN=…`) in RFC 2253's order; '' = there is none. */
export function distinguishedName(lines: string | undefined): string {
  return lines === undefined ? '' : lines.split('\n').reverse().join(',');
}
