import { ascii } from '../ascii.ts';

/** RFC 7541 appendix A, in order; `=` divides name and value. */
const FIELDS = `:authority=
:method=GET
:method=POST
:path=/
:path=/index.html
:scheme=http
:scheme=https
:status=200
:status=204
:status=206
:status=304
:status=400
:status=404
:status=500
accept-charset=
accept-encoding=gzip, deflate
accept-language=
accept-ranges=
accept=
access-control-allow-origin=
age=
allow=
authorization=
cache-control=
content-disposition=
content-encoding=
content-language=
content-length=
content-location=
content-range=
content-type=
cookie=
date=
etag=
expect=
expires=
from=
host=
if-match=
if-modified-since=
if-none-match=
if-range=
if-unmodified-since=
last-modified=
link=
location=
max-forwards=
proxy-authenticate=
proxy-authorization=
range=
referer=
refresh=
retry-after=
server=
set-cookie=
strict-transport-security=
transfer-encoding=
user-agent=
vary=
via=
www-authenticate=`;

/** One field of the static table. */
export interface StaticField {
  readonly name: Uint8Array;
  readonly value: Uint8Array;
}

/** The static table; index 1 of HPACK is element 0. */
export const STATIC_FIELDS: readonly StaticField[] = FIELDS.split('\n').map((line) => {
  const at = line.indexOf('=');
  return { name: ascii(line.slice(0, at)), value: ascii(line.slice(at + 1)) };
});

/** Fields of the static table; the dynamic one begins at the next index. */
export const STATIC_COUNT: number = STATIC_FIELDS.length;
