import type { CustomTag } from '../types/access-log.ts';
import type { TagSource } from '../types/tracing.ts';
import { decodeMetadataPath } from './metadata-match.ts';
import type { Reader } from './reader.ts';

/** A list of `type.tracing.v3.CustomTag`. */
export function decodeCustomTags(reader: Reader): readonly CustomTag[] {
  return reader.messages('custom_tags').flatMap((item) => {
    const tag = item.string('tag');
    item.require('tag', tag !== '', 'missing');
    const source = decodeSource(item);
    return source === undefined ? [] : [{ tag, source }];
  });
}

function decodeSource(reader: Reader): TagSource | undefined {
  const literal = reader.message('literal');
  if (literal !== undefined) return { t: 'literal', value: literal.string('value') };
  const environment = reader.message('environment');
  if (environment !== undefined) return { t: 'environment', name: environment.string('name'), otherwise: environment.string('default_value') };
  const header = reader.message('request_header');
  if (header !== undefined) return { t: 'header', name: header.string('name').toLowerCase(), otherwise: header.string('default_value') };
  const metadata = reader.message('metadata');
  if (metadata !== undefined) return decodeMetadataTag(metadata);
  if (reader.unread().length === 0) reader.fail('', 'no value is set');
  return undefined;
}

function decodeMetadataTag(reader: Reader): TagSource {
  const kind = reader.message('kind');
  const request = kind?.message('request');
  kind?.require('', request !== undefined, 'only metadata of the request is supported by this proxy');
  kind?.ignoreRest();
  const key = reader.message('metadata_key');
  if (key === undefined) reader.fail('metadata_key', 'missing');
  return {
    t: 'metadata',
    namespace: key?.string('key') ?? '',
    path: key === undefined ? [] : decodeMetadataPath(key),
    otherwise: reader.string('default_value'),
  };
}
