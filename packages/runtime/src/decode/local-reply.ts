import type { BodyFormat, LocalReplies, LocalReplyRule } from '../types/local-reply.ts';
import { decodeFilter } from './access-log-filter.ts';
import { decodeFormat } from './access-log.ts';
import { decodeMutationList } from './common.ts';
import type { Reader } from './reader.ts';

/** `LocalReplyConfig`: what becomes of the answers that the proxy makes itself. */
export function decodeLocalReplies(reader: Reader): LocalReplies {
  const format = reader.message('body_format');
  return {
    rules: reader.messages('mappers').map(decodeRule),
    ...(format === undefined ? {} : { format: decodeBodyFormat(format) }),
  };
}

function decodeRule(reader: Reader): LocalReplyRule {
  const filter = reader.message('filter');
  reader.require('filter', filter !== undefined, 'missing');
  const status = reader.number('status_code', 0);
  reader.require(
    'status_code',
    status === 0 || (Number.isInteger(status) && status >= 200 && status <= 599),
    `${status} is no status to answer with`,
  );
  const body = decodeBody(reader.message('body'));
  const format = reader.message('body_format_override');
  return {
    filter: (filter === undefined ? undefined : decodeFilter(filter)) ?? { t: 'or', filters: [] },
    ...(status === 0 ? {} : { status }),
    ...(body === undefined ? {} : { body }),
    ...(format === undefined ? {} : { format: decodeBodyFormat(format) }),
    headers: decodeMutationList(reader, 'headers_to_add'),
  };
}

function decodeBody(reader: Reader | undefined): string | undefined {
  if (reader === undefined) return undefined;
  reader.require('', reader.has('inline_string'), 'only inline_string is supported by this proxy');
  return reader.string('inline_string');
}

function decodeBodyFormat(reader: Reader): BodyFormat {
  return { contentType: reader.string('content_type'), omitEmptyValues: reader.bool('omit_empty_values'), format: decodeFormat(reader) };
}
