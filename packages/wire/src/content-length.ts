/** `Content-Length` of more digits could not be counted exactly. */
const MAX_LENGTH_DIGITS = 15;

/** Value of a `Content-Length`, -1 when it is none: digits and nothing else (RFC 9110 section 8.6). */
export function lengthValue(bytes: Uint8Array, start: number, end: number): number {
  if (end === start || end - start > MAX_LENGTH_DIGITS) return -1;
  let value = 0;
  for (let i = start; i < end; i++) {
    const digit = (bytes[i] as number) - 48;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}
