const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
/** A request line longer than this is not waited for: the bytes are not taken for HTTP. */
export const MAX_REQUEST_LINE_BYTES = 8 * 1024;
const MAX_METHOD = 32;
/** From here on only the end of the line tells more: a control character, or too much. */
export const IN_THE_LINE_BYTES = 64;

/** `more` = cannot tell yet; '' = not HTTP. The names are Envoy's application protocols. */
export type SniffedProtocol = 'more' | 'http/1.1' | 'http/1.0' | 'h2c' | '';

/** Tells HTTP from other protocols by the first line, waiting no longer than it must. */
export function sniffHttp(bytes: Uint8Array, length: number): SniffedProtocol {
  const matched = prefixOf(bytes, length, PREFACE);
  if (matched === PREFACE.length) return 'h2c';
  if (matched === length) return 'more';
  let at = 0;
  while (at < length && at < MAX_METHOD && isMethod(bytes[at] as number)) at++;
  if (at === length && at < MAX_METHOD) return 'more';
  return at === 0 || bytes[at] !== 32 ? '' : requestLine(bytes, length, at + 1);
}

/** The rest of what may be a request line, from behind the method. */
function requestLine(bytes: Uint8Array, length: number, start: number): SniffedProtocol {
  let at = start;
  for (; at < length && bytes[at] !== 13; at++) {
    const byte = bytes[at] as number;
    if (isControl(byte)) return '';
  }
  if (at >= length) return length > MAX_REQUEST_LINE_BYTES ? '' : 'more';
  const version = String.fromCharCode(...bytes.subarray(Math.max(0, at - 9), at));
  if (version === ' HTTP/1.1') return 'http/1.1';
  return version === ' HTTP/1.0' ? 'http/1.0' : '';
}

/** CR counts: it ends the line. */
export function isControl(byte: number): boolean {
  return byte < 32 || byte === 127;
}

function prefixOf(bytes: Uint8Array, length: number, text: string): number {
  let i = 0;
  while (i < length && i < text.length && bytes[i] === text.charCodeAt(i)) i++;
  return i;
}

/** Methods are upper case in practice; digits, '-' and '_' occur in extensions. */
function isMethod(byte: number): boolean {
  return (byte >= 65 && byte <= 90) || byte === 45 || byte === 95 || (byte >= 48 && byte <= 57);
}
