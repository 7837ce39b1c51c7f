import type { HttpService } from '../types/tracing.ts';
import { decodeMutation } from './common.ts';
import type { Reader } from './reader.ts';

/** `core.v3.HttpService`. */
export function decodeHttpService(reader: Reader): HttpService {
  const uri = reader.message('http_uri');
  if (uri === undefined) reader.fail('http_uri', 'missing');
  const headers = reader.messages('request_headers_to_add').map((item) => {
    const { name, value } = decodeMutation(item);
    return { name, value };
  });
  return { ...(uri === undefined ? NOWHERE : decodeUri(uri)), headers };
}

const NOWHERE = { cluster: '', host: '', path: '/', timeoutMs: 0 };

/** Either a whole address or a path alone. */
function decodeUri(reader: Reader): Omit<HttpService, 'headers'> {
  const uri = reader.string('uri');
  const [, host = '', path = ''] = /^(?:https?:\/\/)?([^/?#]*)([^#]*)/i.exec(uri) ?? [];
  reader.require('uri', uri !== '', 'missing');
  const cluster = reader.string('cluster');
  reader.require('cluster', cluster !== '', 'missing');
  return { cluster, host, path: path.startsWith('/') ? path : `/${path}`, timeoutMs: reader.duration('timeout', 5_000) };
}
