import type { Reader } from '../decode/reader.ts';
import { decodeHeaderMatch, decodeQueryMatch } from '../decode/route-match.ts';
import { decodeMetadataPath } from '../decode/metadata-match.ts';
import type { RateLimitAction, RateLimitRule } from './types.ts';

const NO_ACTION: RateLimitAction = { t: 'generic', key: '', value: '' };
const MAX_STAGE = 10;

/** `rate_limits` of a route or virtual host. */
export function decodeRateLimits(reader: Reader): readonly RateLimitRule[] {
  return reader.messages('rate_limits').map((rule) => {
    const stage = rule.number('stage', 0);
    rule.require('stage', stage >= 0 && stage <= MAX_STAGE, `${stage} is no stage from 0 to ${MAX_STAGE}`);
    rule.require('disable_key', rule.string('disable_key') === '', 'there is no runtime layer that could switch a limit off by a key');
    rule.require('limit', !rule.has('limit'), 'limits that a filter sets by metadata are not supported by this proxy');
    rule.harmless('limit');
    const actions = rule.messages('actions').map(decodeAction);
    rule.require('actions', actions.length > 0, 'needs at least one');
    return { stage, actions };
  });
}

type Decoder = (reader: Reader) => RateLimitAction;

const ACTIONS: Readonly<Record<string, Decoder>> = {
  source_cluster(reader) {
    reader.fail('', 'the name of the proxy’s own cluster is not known to the data plane: use generic_key');
    return NO_ACTION;
  },
  destination_cluster: () => ({ t: 'destination-cluster' }),
  request_headers: (reader) => ({
    t: 'header',
    name: required(reader, 'header_name').toLowerCase(),
    key: required(reader, 'descriptor_key'),
    skip: reader.bool('skip_if_absent'),
  }),
  remote_address: () => ({ t: 'remote-address' }),
  masked_remote_address: (reader) => ({
    t: 'masked-address',
    v4Bits: bits(reader, 'v4_prefix_mask_len', 32),
    v6Bits: bits(reader, 'v6_prefix_mask_len', 128),
  }),
  generic_key: (reader) => ({ t: 'generic', key: reader.string('descriptor_key') || 'generic_key', value: required(reader, 'descriptor_value') }),
  header_value_match: (reader) => ({
    t: 'header-match',
    key: reader.string('descriptor_key') || 'header_match',
    value: required(reader, 'descriptor_value'),
    expect: reader.bool('expect_match', true),
    headers: reader.messages('headers').map(decodeHeaderMatch),
  }),
  query_parameter_value_match: (reader) => ({
    t: 'query-match',
    key: reader.string('descriptor_key') || 'query_match',
    value: required(reader, 'descriptor_value'),
    expect: reader.bool('expect_match', true),
    query: reader.messages('query_parameters').map(decodeQueryMatch),
  }),
  dynamic_metadata: decodeMetadata,
  metadata(reader) {
    reader.oneOf('source', { DYNAMIC: 'dynamic' }, 'dynamic');
    return { ...decodeMetadata(reader), skip: reader.bool('skip_if_absent') };
  },
};

function decodeAction(reader: Reader): RateLimitAction {
  for (const [field, decode] of Object.entries(ACTIONS)) {
    const inner = reader.message(field);
    if (inner !== undefined) return decode(inner);
  }
  reader.fail('', `no action is set; supported: ${Object.keys(ACTIONS).join(', ')}`);
  return NO_ACTION;
}

function decodeMetadata(reader: Reader): RateLimitAction & { t: 'metadata' } {
  const key = reader.message('metadata_key');
  if (key === undefined) reader.fail('metadata_key', 'missing');
  return {
    t: 'metadata',
    key: required(reader, 'descriptor_key'),
    filter: key === undefined ? '' : required(key, 'key'),
    path: key === undefined ? [] : decodeMetadataPath(key),
    fallback: reader.string('default_value'),
    skip: false,
  };
}

function required(reader: Reader, field: string): string {
  const value = reader.string(field);
  reader.require(field, value !== '', 'missing');
  return value;
}

function bits(reader: Reader, field: string, most: number): number {
  const value = reader.number(field, most);
  reader.require(field, value >= 0 && value <= most, `${value} is no prefix length from 0 to ${most}`);
  return value;
}
