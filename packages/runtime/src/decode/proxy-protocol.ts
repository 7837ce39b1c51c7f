import { fromBase64 } from '../jwt/base64.ts';
import type { TlvChoice } from '../types/common.ts';
import type { ProxyProtocolFilter, TlvRule } from '../types/listener.ts';
import type { ProxyProtocolOptions } from '../types/tls.ts';
import type { Reader } from './reader.ts';

const NAMESPACE = 'envoy.filters.listener.proxy_protocol';

/** The listener filter that reads headers. */
export function decodeProxyProtocolFilter(config: Reader): ProxyProtocolFilter {
  // Names of statistics.
  config.harmless('stat_prefix');
  const versions = config.strings('disallowed_versions');
  return {
    optional: config.bool('allow_requests_without_proxy_protocol'),
    disallowedVersions: [...(versions.includes('V1') ? [1 as const] : []), ...(versions.includes('V2') ? [2 as const] : [])],
    passThrough: decodeTlvChoice(config.message('pass_through_tlvs')),
    // One rule for each type: the last one, as in Envoy.
    rules: [...new Map(config.messages('rules').map((item) => [item.number('tlv_type', 0), decodeRule(item)] as const)).values()],
  };
}

/** `ProxyProtocolConfig`: the header that upstreams get. */
export function decodeProxyProtocolOptions(settings: Reader | undefined): ProxyProtocolOptions {
  return {
    version: settings?.oneOf<1 | 2>('version', { V1: 1, V2: 2 }, 1) ?? 1,
    passThrough: decodeTlvChoice(settings?.message('pass_through_tlvs')),
    added: settings?.messages('added_tlvs').map((tlv) => ({ type: tlvType(tlv, 'type'), value: tlvValue(tlv) })) ?? [],
  };
}

function decodeTlvChoice(reader: Reader | undefined): TlvChoice {
  if (reader === undefined) return [];
  const types = reader.numbers('tlv_type');
  types.forEach((type, index) => reader.require(`tlv_type[${index}]`, isType(type), `${type} is no type of an extension (0 to 255)`));
  return reader.oneOf('match_type', { INCLUDE_ALL: true, INCLUDE: false }, true) ? 'all' : types;
}

function decodeRule(reader: Reader): TlvRule {
  const pair = reader.message('on_tlv_present');
  reader.require('on_tlv_present', pair !== undefined, 'missing');
  const namespace = pair?.string('metadata_namespace') ?? '';
  const key = pair?.string('key') ?? '';
  pair?.require('key', key !== '', 'missing');
  return { type: tlvType(reader, 'tlv_type'), namespace: namespace === '' ? NAMESPACE : namespace, key };
}

function tlvType(reader: Reader, field: string): number {
  const type = reader.number(field, 0);
  reader.require(field, isType(type), `${type} is no type of an extension (0 to 255)`);
  return type;
}

/** Base64, as bytes are in ProtoJSON. */
function tlvValue(reader: Reader): string {
  const bytes = fromBase64(reader.string('value'));
  reader.require('value', bytes !== undefined && bytes.length > 0, 'expected bytes');
  return Array.from(bytes ?? [], (byte) => String.fromCharCode(byte)).join('');
}

function isType(type: number): boolean {
  return Number.isInteger(type) && type >= 0 && type <= 255;
}
