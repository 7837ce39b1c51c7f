import { parseFormat } from '@meltemi/match';
import { compileMetadataMatch } from '../compile/metadata-match.ts';
import { compileText } from '../compile/text.ts';
import { decodeRuntimeFraction, decodeStringMatch } from '../decode/common.ts';
import { decodeGrpcService, type GrpcService } from '../decode/grpc-service.ts';
import { decodeHttpStatus } from '../decode/http-status.ts';
import { decodeMetadataMatch } from '../decode/metadata-match.ts';
import type { Reader } from '../decode/reader.ts';
import { statistics } from '../stats/statistic.ts';
import type { StringMatch } from '../types/common.ts';
import type { MetadataMatch } from '../types/metadata.ts';
import { defineFilter, type FilterKind } from './define.ts';
import type { BodyDemand, FilterContext, FilterVerdict } from './types.ts';

/** An authorization service that is asked over HTTP; names of headers are held against the matchers in lower case. */
export interface HttpAuthz {
  readonly cluster: string;
  readonly pathPrefix: string;
  readonly timeoutMs: number;
  /** Added to what is asked; values may hold formatters. */
  readonly add: readonly { readonly name: string; readonly value: string }[];
  /** Of an answer that allows: what replaces and what is appended to the request's headers, what goes to the client. */
  readonly upstream: readonly StringMatch[];
  readonly upstreamAppend: readonly StringMatch[];
  readonly clientOnSuccess: readonly StringMatch[];
  /** Of an answer that refuses: what goes to the client; undefined = all. */
  readonly client: readonly StringMatch[] | undefined;
  readonly metadata: readonly StringMatch[];
}

/** The chain's settings. */
export interface ExtAuthzConfig {
  readonly service: { readonly t: 'grpc'; readonly grpc: GrpcService } | { readonly t: 'http'; readonly http: HttpAuthz };
  readonly allowOnFailure: boolean;
  readonly tellFailure: boolean;
  readonly clearRoute: boolean;
  /** An answer of the service that would write what is no header is not taken at all (500). */
  readonly validateMutations: boolean;
  /** Refusals count among the responses of the cluster that the request would go to. */
  readonly chargeCluster: boolean;
  readonly statusOnError: number;
  readonly metadataNamespaces: readonly string[];
  readonly enabled: number;
  readonly enabledBy?: MetadataMatch;
  readonly denyAtDisable: boolean;
  readonly peerCertificate: boolean;
  readonly tlsSession: boolean;
  /** undefined = every header (gRPC), the few that are always told (HTTP). */
  readonly allowedHeaders: readonly StringMatch[] | undefined;
  readonly disallowedHeaders: readonly StringMatch[];
  readonly rawHeaders: boolean;
  readonly ingestMetadata: boolean;
  readonly body?: AuthzBody;
  /** '' or with a dot at its end. */
  readonly statPrefix: string;
}

/** How much of the body is told. */
export interface AuthzBody extends BodyDemand {
  readonly asBytes: boolean;
}

interface AuthzRoute {
  readonly disabled: boolean;
  readonly extensions: Readonly<Record<string, string>>;
  /** `none` = no body here. */
  readonly body?: AuthzBody | 'none';
}

/** What the service is asked about the request that the scanner shows. */
export interface AuthzQuestion {
  readonly config: ExtAuthzConfig;
  readonly extensions: Readonly<Record<string, string>>;
  readonly body: AuthzBody | undefined;
}

const DEFAULT_TIMEOUT_MS = 200;

/** Asks an authorization service about requests (`envoy.filters.http.ext_authz`). */
export const extAuthzFilter: FilterKind = defineFilter<ExtAuthzConfig, AuthzRoute>({
  t: 'ext-authz',
  types: ['envoy.extensions.filters.http.ext_authz.v3.ExtAuthz'],
  overrideTypes: ['envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute'],
  decode: decodeConfig,
  decodeOverride: decodeRoute,
  compile(config, { overrides, statPrefix }) {
    if (overrides.at(-1)?.disabled === true) return undefined;
    const own = overrides.findLast((level) => level.body !== undefined)?.body ?? config.body;
    const body = own === 'none' ? undefined : own;
    const extensions: Readonly<Record<string, string>> = Object.assign({}, ...overrides.map((level) => level.extensions));
    const question: AuthzQuestion = { config, extensions, body };
    const asks: FilterVerdict = { ask: question };
    const withBody: FilterVerdict = body === undefined ? asks : { ask: question, body };
    const enabled = enabledFor(config);
    const stats = statistics(`${statPrefix}ext_authz.${config.statPrefix}`, ['ok', 'denied', 'error', 'failure_mode_allowed', 'disabled', 'invalid']);
    return {
      stats,
      decide(context) {
        if (!enabled(context)) {
          stats.disabled.count(context.thread);
          return config.denyAtDisable ? { reply: { status: config.statusOnError, body: '', flag: 'UAEX', details: 'ext_authz_error' } } : undefined;
        }
        return context.endOfStream ? asks : withBody;
      },
    };
  },
});

function enabledFor({ enabled, enabledBy }: ExtAuthzConfig): (context: FilterContext) => boolean {
  const byMetadata = enabledBy === undefined ? undefined : compileMetadataMatch(enabledBy);
  return (context) => {
    if (enabled < 1 && context.thread.random() >= enabled) return false;
    return byMetadata === undefined || byMetadata((namespace) => context.metadata(namespace));
  };
}

function decodeConfig(reader: Reader): ExtAuthzConfig {
  harmlessFields(reader);
  const body = reader.message('with_request_body');
  const fraction = reader.message('filter_enabled');
  const enabledBy = reader.message('filter_enabled_metadata');
  return {
    statPrefix: reader.string('stat_prefix') === '' ? '' : `${reader.string('stat_prefix')}.`,
    service: decodeService(reader),
    allowOnFailure: reader.bool('failure_mode_allow'),
    tellFailure: reader.bool('failure_mode_allow_header_add'),
    clearRoute: reader.bool('clear_route_cache'),
    validateMutations: reader.bool('validate_mutations'),
    chargeCluster: reader.bool('charge_cluster_response_stats', true),
    statusOnError: decodeHttpStatus(reader, 'status_on_error', 403),
    metadataNamespaces: reader.strings('metadata_context_namespaces'),
    enabled: fraction === undefined ? 1 : decodeRuntimeFraction(fraction),
    ...(enabledBy === undefined ? {} : { enabledBy: decodeMetadataMatch(enabledBy) }),
    denyAtDisable: decodeFlag(reader, 'deny_at_disable'),
    peerCertificate: reader.bool('include_peer_certificate'),
    tlsSession: reader.bool('include_tls_session'),
    allowedHeaders: reader.has('allowed_headers') ? patterns(reader, 'allowed_headers') : undefined,
    disallowedHeaders: patterns(reader, 'disallowed_headers'),
    rawHeaders: reader.bool('encode_raw_headers'),
    ingestMetadata: reader.bool('enable_dynamic_metadata_ingestion', true),
    ...(body === undefined ? {} : { body: decodeBody(body) }),
  };
}

function harmlessFields(reader: Reader): void {
  reader.oneOf('transport_api_version', { AUTO: 'v3', V3: 'v3' }, 'v3');
}

/** A `RuntimeFeatureFlag`: its default value, since there is no runtime layer. */
function decodeFlag(reader: Reader, field: string): boolean {
  const flag = reader.message(field);
  flag?.harmless('runtime_key');
  return flag?.bool('default_value') ?? false;
}

function decodeBody(reader: Reader): AuthzBody {
  const maxBytes = reader.number('max_request_bytes', 0);
  reader.require('max_request_bytes', maxBytes > 0, 'must be more than 0');
  return { maxBytes, partial: reader.bool('allow_partial_message'), asBytes: reader.bool('pack_as_bytes') };
}

function decodeService(reader: Reader): ExtAuthzConfig['service'] {
  const grpc = reader.message('grpc_service');
  if (grpc !== undefined) return { t: 'grpc', grpc: decodeGrpcService(grpc, DEFAULT_TIMEOUT_MS) };
  const http = reader.message('http_service');
  if (http === undefined) reader.fail('', 'neither grpc_service nor http_service is set');
  return http === undefined ? { t: 'grpc', grpc: { cluster: '', authority: '', timeoutMs: 0, metadata: [] } } : { t: 'http', http: decodeHttp(http) };
}

function decodeHttp(reader: Reader): HttpAuthz {
  const uri = reader.message('server_uri');
  // The cluster says where the service is; of the address only the part behind the host could count, and Envoy does not look at that either.
  uri?.harmless('uri');
  const cluster = uri?.string('cluster') ?? '';
  reader.require('server_uri.cluster', cluster !== '', 'missing');
  const asked = reader.message('authorization_request');
  const answer = reader.message('authorization_response');
  asked?.require('allowed_headers', !asked.has('allowed_headers'), 'is superseded by allowed_headers of the filter');
  asked?.harmless('allowed_headers');
  return {
    cluster,
    pathPrefix: reader.string('path_prefix'),
    timeoutMs: uri?.duration('timeout', DEFAULT_TIMEOUT_MS) ?? DEFAULT_TIMEOUT_MS,
    add: asked?.messages('headers_to_add').map(decodeAdded) ?? [],
    upstream: patterns(answer, 'allowed_upstream_headers'),
    upstreamAppend: patterns(answer, 'allowed_upstream_headers_to_append'),
    clientOnSuccess: patterns(answer, 'allowed_client_headers_on_success'),
    client: answer?.has('allowed_client_headers') === true ? patterns(answer, 'allowed_client_headers') : undefined,
    metadata: patterns(answer, 'dynamic_metadata_from_headers'),
  };
}

function decodeAdded(reader: Reader): { readonly name: string; readonly value: string } {
  const value = reader.string('value');
  const format = parseFormat(value);
  if (!format.ok) reader.fail('value', format.message);
  return { name: reader.string('key').toLowerCase(), value };
}

/** A `ListStringMatcher`. */
function patterns(reader: Reader | undefined, field: string): readonly StringMatch[] {
  return reader?.message(field)?.messages('patterns').map(decodeStringMatch) ?? [];
}

function decodeRoute(reader: Reader): AuthzRoute {
  if (reader.bool('disabled')) return { disabled: true, extensions: {} };
  const settings = reader.message('check_settings');
  if (settings === undefined) reader.fail('', 'neither disabled nor check_settings is set');
  const body = settings?.message('with_request_body');
  const none = settings?.bool('disable_request_body_buffering') === true;
  const told = none ? { body: 'none' as const } : body === undefined ? {} : { body: decodeBody(body) };
  return { disabled: false, extensions: settings === undefined ? {} : stringMap(settings, 'context_extensions'), ...told };
}

function stringMap(reader: Reader, field: string): Readonly<Record<string, string>> {
  const map = reader.raw(field);
  return typeof map === 'object' && map !== null ? Object.fromEntries(Object.entries(map).map(([key, value]) => [key, String(value)])) : {};
}

/** Does a name match one of these? */
export function namesMatch(matches: readonly StringMatch[]): (name: string) => boolean {
  const tests = matches.map(compileText);
  return (name) => tests.some((test) => test(name));
}
