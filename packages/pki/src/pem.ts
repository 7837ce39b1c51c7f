import { MeshError } from '@meltemi/base';
import { base64Decode, base64Encode } from './bytes.ts';

/** What stands between the BEGIN and END lines. */
export type PemLabel = 'CERTIFICATE' | 'CERTIFICATE REQUEST' | 'PRIVATE KEY';

/** DER as PEM (RFC 7468): 64 characters a line, with a newline at the end, so that blocks can be joined. */
export function pemEncode(label: PemLabel, der: Uint8Array): string {
  const lines = base64Encode(der).match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}

/**
 * All blocks of one label in a PEM text, in order; text around them and blocks of other labels are skipped (RFC 7468 section 2).
 * Throws `pki/bad-pem` when a block is cut off or is not base64.
 */
export function pemDecode(label: PemLabel, text: string): Uint8Array<ArrayBuffer>[] {
  const out: Uint8Array<ArrayBuffer>[] = [];
  const begin = `-----BEGIN ${label}-----`;
  const end = `-----END ${label}-----`;
  let at = text.indexOf(begin);
  while (at >= 0) {
    const stop = text.indexOf(end, at);
    const der = stop < 0 ? undefined : base64Decode(text.slice(at + begin.length, stop));
    if (der === undefined) throw new MeshError('pki/bad-pem', `A PEM block "${label}" is cut off or is not base64; was the file copied in whole?`);
    out.push(der);
    at = text.indexOf(begin, stop);
  }
  return out;
}

/** Joins PEM texts with a newline between each two. Envoy refuses a chain whose END and BEGIN share a line. */
export function joinPem(...texts: readonly string[]): string {
  return texts
    .map((text) => text.trim())
    .filter((text) => text !== '')
    .map((text) => `${text}\n`)
    .join('');
}
