import type {
  CommonTls,
  DownstreamTls,
  InlineCertificate,
  InlineTrust,
  SanMatch,
  TlsSource,
  TlsVersion,
  UpstreamTls,
  UpstreamTransport,
} from '../types/tls.ts';
import { decodeExtension } from './any.ts';
import type { MetadataStruct } from '../types/struct.ts';
import { decodeStringMatch, filterMetadata } from './common.ts';
import { decodeProxyProtocolOptions } from './proxy-protocol.ts';
import type { Reader } from './reader.ts';

const VERSIONS: Readonly<Record<string, TlsVersion>> = { TLSv1_2: 'TLSv1.2', TLSv1_3: 'TLSv1.3' };

/** `transport_socket` of a filter chain; undefined = plain bytes. */
export function decodeDownstreamTransport(socket: Reader | undefined): DownstreamTls | undefined {
  if (socket === undefined) return undefined;
  return decodeExtension<DownstreamTls>(socket, {
    'envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext': decodeDownstreamTls,
    'envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer': () => undefined,
  });
}

/** `transport_socket` of a cluster or of one of its transport matches; `metadata` is the cluster's. */
export function decodeUpstreamTransport(socket: Reader | undefined, metadata?: unknown): UpstreamTransport {
  if (socket === undefined) return { t: 'raw' };
  return (
    decodeExtension<UpstreamTransport>(socket, {
      'envoy.extensions.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport': (config) => decodeProxyProtocol(config, metadata),
      'envoy.extensions.transport_sockets.internal_upstream.v3.InternalUpstreamTransport': (config) => decodeInternal(config, metadata),
      'envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext': (config) => ({ t: 'tls', tls: decodeUpstreamTls(config) }),
      'envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer': () => ({ t: 'raw' }),
    }) ?? { t: 'raw' }
  );
}

/** Metadata of the request and the route is refused: connections serve many requests. */
function decodeInternal(config: Reader, metadata: unknown): UpstreamTransport {
  const inner = config.message('transport_socket');
  config.require('transport_socket', inner !== undefined, 'missing');
  const host: string[] = [];
  const cluster: Record<string, MetadataStruct> = {};
  for (const source of config.messages('passthrough_metadata')) {
    const name = source.string('name');
    const kind = source.message('kind');
    source.require('name', name !== '', 'missing');
    source.require('kind', kind?.has('host') === true || kind?.has('cluster') === true, 'only metadata of host and cluster can be handed over');
    kind?.ignoreRest();
    if (kind?.has('host') === true) host.push(name);
    else cluster[name] = (filterMetadata(metadata, name) ?? {}) as MetadataStruct;
  }
  return { ...decodeUpstreamTransport(inner, metadata), passthrough: { host, cluster } };
}

function decodeProxyProtocol(config: Reader, metadata: unknown): UpstreamTransport {
  const inner = config.message('transport_socket');
  config.require('transport_socket', inner !== undefined, 'missing');
  config.require('allow_unspecified_address', !config.bool('allow_unspecified_address'), 'not supported by this proxy');
  config.harmless('tlv_as_pool_key');
  return { ...decodeUpstreamTransport(inner, metadata), proxyProtocol: decodeProxyProtocolOptions(config.message('config')) };
}

function decodeDownstreamTls(reader: Reader): DownstreamTls {
  const common = decodeCommon(reader);
  // There are no sessions but those that the client keeps as a ticket.
  reader.harmless('disable_stateful_session_resumption');
  reader.require('common_tls_context', common.certificate !== undefined, 'a server needs a certificate');
  const requireClientCertificate = reader.bool('require_client_certificate');
  reader.require(
    'require_client_certificate',
    !requireClientCertificate || common.trust !== undefined || hasPins(common.pins),
    'set without anything to check the client against',
  );
  return {
    ...common,
    requireClientCertificate,
    resumes: !reader.bool('disable_stateless_session_resumption'),
    sessionTimeoutMs: reader.duration('session_timeout', 0),
    clientOrder: reader.bool('prefer_client_ciphers'),
  };
}

const MAX_SESSIONS = 1024;

function decodeUpstreamTls(reader: Reader): UpstreamTls {
  const common = decodeCommon(reader);
  reader.require('common_tls_context', common.moreCertificates.length === 0, 'a client shows one certificate');
  // What a certificate says of the use of its key is held against it always.
  reader.harmless('enforce_rsa_key_usage');
  return {
    ...common,
    sni: reader.string('sni'),
    sniByHost: reader.bool('auto_host_sni'),
    sanBySni: reader.bool('auto_sni_san_validation'),
    sniByRequest: false,
    sanByRequest: false,
    maxSessions: Math.min(MAX_SESSIONS, reader.number('max_session_keys', MAX_SESSIONS)),
  };
}

function decodeCommon(reader: Reader): CommonTls {
  const common = reader.message('common_tls_context');
  if (common === undefined) {
    reader.fail('common_tls_context', 'missing');
    return {
      minVersion: 'TLSv1.2',
      maxVersion: 'TLSv1.3',
      cipherSuites: [],
      curves: [],
      moreCertificates: [],
      ...NO_CHECKS,
      alpnProtocols: [],
    };
  }
  const params = common.message('tls_params');
  const [certificate, ...moreCertificates] = decodeCertificates(common);
  const validation = decodeValidation(common);
  return {
    minVersion: version(params, 'tls_minimum_protocol_version', 'TLSv1.2'),
    maxVersion: version(params, 'tls_maximum_protocol_version', 'TLSv1.3'),
    cipherSuites: params?.strings('cipher_suites') ?? [],
    curves: decodeCurves(params),
    alpnProtocols: common.strings('alpn_protocols'),
    ...validation,
    moreCertificates,
    ...(certificate === undefined ? {} : { certificate }),
  };
}

function version(params: Reader | undefined, field: string, fallback: TlsVersion): TlsVersion {
  return params?.oneOf(field, { TLS_AUTO: fallback, ...VERSIONS }, fallback) ?? fallback;
}

const CURVES: ReadonlySet<string> = new Set(['P-256', 'P-384', 'P-521', 'X25519', 'X25519MLKEM768']);

function decodeCurves(params: Reader | undefined): readonly string[] {
  const curves = params?.strings('ecdh_curves') ?? [];
  curves.forEach((curve, index) =>
    params?.require(`ecdh_curves[${index}]`, CURVES.has(curve), `"${curve}" is not supported by this proxy; supported: ${[...CURVES].join(', ')}`),
  );
  return curves;
}

function decodeCertificates(common: Reader): readonly TlsSource<InlineCertificate>[] {
  const inline = common
    .messages('tls_certificates')
    .map((reader): TlsSource<InlineCertificate> => ({ t: 'inline', ...decodeTlsCertificate(reader) }));
  const sds = common.messages('tls_certificate_sds_secret_configs').map(decodeSds);
  return sds.length > 0 ? sds : inline;
}

export function decodeTlsCertificate(reader: Reader): InlineCertificate {
  return { certificateChain: pem(reader, 'certificate_chain', true), privateKey: pem(reader, 'private_key', true) };
}

/** A reference by name; the aggregated stream is the only source of secrets. */
function decodeSds(reader: Reader): { readonly t: 'sds'; readonly name: string } {
  const source = reader.message('sds_config');
  reader.require('sds_config', source !== undefined, 'missing: secrets come over the aggregated stream');
  if (source !== undefined) decodeAdsSource(source);
  return { t: 'sds', name: reader.string('name') };
}

/** A `ConfigSource`: must be ADS (or the same server's `self`). */
export function decodeAdsSource(source: Reader): void {
  source.oneOf('resource_api_version', { AUTO: 3, V3: 3 }, 3);
  // How long a missing resource may hold its owner up is the proxy's own, bounded time.
  source.harmless('initial_fetch_timeout');
  const ads = source.message('ads');
  const self = source.message('self');
  self?.harmless('transport_api_version');
  source.require('', ads !== undefined || self !== undefined, 'only "ads" is supported as configuration source by this proxy');
}

interface Validation {
  readonly trust?: TlsSource<InlineTrust>;
  readonly subjectAltNames: readonly SanMatch[];
  readonly pins: CommonTls['pins'];
  readonly acceptUntrusted: boolean;
}

/** Are certain certificates or keys asked for? */
export function hasPins({ certificates, keys }: CommonTls['pins']): boolean {
  return certificates.length > 0 || keys.length > 0;
}

const NO_CHECKS = { subjectAltNames: [], pins: { certificates: [], keys: [] }, acceptUntrusted: false } as const;

function decodeValidation(common: Reader): Validation {
  const sds = common.message('validation_context_sds_secret_config');
  if (sds !== undefined) return { trust: decodeSds(sds), ...NO_CHECKS };
  const combined = common.message('combined_validation_context');
  const inline = combined?.message('default_validation_context') ?? common.message('validation_context');
  const base = inline === undefined ? NO_CHECKS : decodeValidationContext(inline);
  const secret = combined?.message('validation_context_sds_secret_config');
  // A name in a certificate that nobody has vouched for says nothing.
  inline?.require(
    'match_typed_subject_alt_names',
    base.subjectAltNames.length === 0 || secret !== undefined || inline.has('trusted_ca'),
    'names are worth nothing without trusted_ca',
  );
  return secret === undefined ? base : { ...base, trust: decodeSds(secret) };
}

export function decodeValidationContext(reader: Reader): Validation {
  const acceptUntrusted = reader.oneOf('trust_chain_verification', { VERIFY_TRUST_CHAIN: false, ACCEPT_UNTRUSTED: true }, false);
  const subjectAltNames = reader.messages('match_typed_subject_alt_names').map(decodeSan);
  // The older spelling asks for a name of any kind.
  const old = reader.messages('match_subject_alt_names').flatMap((item): readonly SanMatch[] => {
    const match = decodeStringMatch(item);
    return SAN_TYPES.map((type) => ({ type, match }));
  });
  const hasCa = reader.has('trusted_ca');
  const crl = pem(reader, 'crl', false);
  reader.require('crl', crl === '' || hasCa, 'a revocation list needs the certificates that it belongs to');
  const names = [...subjectAltNames, ...old];
  return {
    subjectAltNames: names,
    pins: decodePins(reader),
    acceptUntrusted,
    ...(hasCa ? { trust: { t: 'inline', trustedCa: pem(reader, 'trusted_ca', false), ...(crl === '' ? {} : { crl }) } } : {}),
  };
}

const SAN_TYPES = ['uri', 'dns', 'email', 'ip'] as const;
const HEX = /^[0-9a-f]{64}$/;

/** Hashes come as hexadecimal text (with or without colons), those of keys as base64. */
function decodePins(reader: Reader): CommonTls['pins'] {
  const certificates = reader.strings('verify_certificate_hash').map((text) => text.replaceAll(':', '').toLowerCase());
  certificates.forEach((hash, index) => reader.require(`verify_certificate_hash[${index}]`, HEX.test(hash), 'expected SHA-256 as hexadecimal text'));
  const keys = reader.strings('verify_certificate_spki').map(hexOfBase64);
  keys.forEach((hash, index) => reader.require(`verify_certificate_spki[${index}]`, HEX.test(hash), 'expected SHA-256 in base64'));
  return { certificates, keys };
}

const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** Empty when it is no base64. */
function hexOfBase64(text: string): string {
  if (!/^[A-Za-z0-9+/]{43}=$/.test(text)) return '';
  const bits = Array.from(text.slice(0, 43), (letter) => BASE64.indexOf(letter).toString(2).padStart(6, '0')).join('');
  return (bits.slice(0, 256).match(/.{4}/g) ?? []).map((nibble) => Number.parseInt(nibble, 2).toString(16)).join('');
}

function decodeSan(reader: Reader): SanMatch {
  const type = reader.oneOf<SanMatch['type']>('san_type', { URI: 'uri', DNS: 'dns', EMAIL: 'email', IP_ADDRESS: 'ip' }, 'uri');
  reader.require('san_type', reader.has('san_type'), 'missing');
  const matcher = reader.message('matcher');
  if (matcher === undefined) reader.fail('matcher', 'missing');
  return { type, match: matcher === undefined ? { t: 'exact', value: '', ignoreCase: false } : decodeStringMatch(matcher) };
}

/** PEM text of a `DataSource`. Files are the agent's business, never the proxy's. */
function pem(reader: Reader, field: string, required: boolean): string {
  const source = reader.message(field);
  const text = source?.string('inline_string') ?? '';
  if (required || source !== undefined) reader.require(field, text.includes('-----BEGIN '), 'expected PEM text as inline_string');
  return text;
}
