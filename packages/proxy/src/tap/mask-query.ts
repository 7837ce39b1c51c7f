/** Shown in place of what opens doors. */
export const MASKED = '[masked]';

/** Parts of names of parameters that carry secrets, whatever stands around them: `access_token`, `X-Amz-Signature`, `clientSecret`. */
const PARTS = /token|secret|passw|apikey|accesskey|signature|credential|session|jwt|assertion|samlre/;
/** Names that do so as a whole. */
const NAMES: ReadonlySet<string> = new Set(['key', 'sig', 'sid', 'pwd', 'pass', 'auth', 'authorization', 'code', 'otp', 'pin']);

/** Headers whose values are URLs or targets. */
export const TARGETS: ReadonlySet<string> = new Set([
  ':path',
  'location',
  'content-location',
  'referer',
  'refresh',
  'link',
  // What others on the way write of the target that came.
  'x-envoy-original-path',
  'x-envoy-original-url',
  'x-original-uri',
  'x-original-url',
  'x-rewrite-url',
  'x-forwarded-uri',
]);

/**
 * A URL or target without the values of those of its query's and fragment's parameters that open doors, and without the password before its host. Names
 * are compared as a server would read them: without regard to case, `-`, `_` and percent-encoding.
 */
export function maskQuery(target: string): string {
  return target
    .replace(/(\/\/[^/?#@:]*):[^/?#]*@/g, (_, user: string) => `${user}:${MASKED}@`)
    .replace(PAIR, (pair: string, mark: string, name: string) => (isSecret(name) ? `${mark}${name}=${MASKED}` : pair));
}

/** A question mark belongs to the value that it is in, unless another pair begins there: a URL may be a value. */
const PAIR = /([?&#;])([^=?&#;]+)=(?:[^?&#;]|\?(?![^=?&#;]*=))+/g;

function isSecret(name: string): boolean {
  const plain = decoded(name)
    .toLowerCase()
    .replace(/[-_.[\]\s+]/g, '');
  return NAMES.has(plain) || PARTS.test(plain);
}

function decoded(name: string): string {
  return name.replace(/%([0-7][0-9a-fA-F])/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));
}
