import { fromBase64, fromUtf8 } from '../jwt/base64.ts';
import type { Reader } from './reader.ts';

/** The text of a `core.v3.DataSource` that is in the configuration itself; files and environment belong to another machine, perhaps. */
export function decodeDataSource(reader: Reader): string {
  if (reader.has('inline_string')) return reader.string('inline_string');
  const bytes = reader.string('inline_bytes');
  if (bytes === '') {
    reader.fail('', 'neither inline_string nor inline_bytes is set; files and environment variables are not supported by this proxy');
    return '';
  }
  const decoded = fromBase64(bytes);
  const text = decoded === undefined ? undefined : fromUtf8(decoded);
  if (text === undefined) reader.fail('inline_bytes', 'no text in UTF-8');
  return text ?? '';
}
