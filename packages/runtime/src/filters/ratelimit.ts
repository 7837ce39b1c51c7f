import { decodeMutation } from '../decode/common.ts';
import { decodeGrpcService, type GrpcService } from '../decode/grpc-service.ts';
import { decodeHttpStatus } from '../decode/http-status.ts';
import type { Reader } from '../decode/reader.ts';
import { decodeRateLimits } from '../ratelimit/decode.ts';
import { compileDescriptors, routeDescriptors } from '../ratelimit/descriptors.ts';
import type { Descriptor, RateLimitRule, VirtualHostRules } from '../ratelimit/types.ts';
import type { HeaderMutation } from '../types/common.ts';
import { defineFilter, type FilterKind } from './define.ts';
import { compileOptions, decodeHostRules } from './local-ratelimit.ts';
import type { HeaderEdit } from './types.ts';

/** The chain's settings of the rate-limit filter. */
export interface RateLimitConfig {
  readonly domain: string;
  readonly stage: number;
  readonly service: GrpcService;
  readonly denyOnFailure: boolean;
  readonly statusOnError: number;
  readonly status: number;
  readonly grpcExhausted: boolean;
  readonly rateLimitHeaders: boolean;
  readonly limitedHeader: boolean;
  readonly responseHeaders: readonly HeaderMutation[];
}

interface RateLimitRoute {
  readonly domain: string;
  readonly hostRules: VirtualHostRules;
  readonly rules: readonly RateLimitRule[];
}

/** What the rate-limit service is asked, and how its answer is to be taken. */
export interface RateLimitQuestion {
  readonly config: RateLimitConfig;
  readonly domain: string;
  readonly descriptors: readonly Descriptor[];
  /** For a refusal. */
  readonly headers: readonly HeaderEdit[];
}

const DEFAULT_TIMEOUT_MS = 20;

/** Asks a rate-limit service about requests that descriptors are made for (`envoy.filters.http.ratelimit`). */
export const rateLimitFilter: FilterKind = defineFilter<RateLimitConfig, RateLimitRoute>({
  t: 'ratelimit',
  types: ['envoy.extensions.filters.http.ratelimit.v3.RateLimit'],
  overrideTypes: ['envoy.extensions.filters.http.ratelimit.v3.RateLimitPerRoute'],
  readsRoute: true,
  decode: decodeConfig,
  decodeOverride(reader) {
    reader.oneOf('override_option', { DEFAULT: 'default' }, 'default');
    return { domain: reader.string('domain'), hostRules: decodeHostRules(reader), rules: decodeRateLimits(reader) };
  },
  compile(config, { overrides, route }) {
    const own = overrides.at(-1);
    const rules = own?.rules ?? [];
    const make = rules.length > 0 ? compileDescriptors(rules, config.stage) : routeDescriptors(route, config.stage, own?.hostRules ?? 'override');
    if (make === undefined) return undefined;
    const domain = own === undefined || own.domain === '' ? config.domain : own.domain;
    const headers = compileOptions(config.responseHeaders);
    return {
      decide(context) {
        const descriptors = make(context);
        if (descriptors.length === 0) return undefined;
        const ask: RateLimitQuestion = { config, domain, descriptors, headers: headers?.(context) ?? [] };
        return { ask };
      },
    };
  },
});

function decodeConfig(reader: Reader): RateLimitConfig {
  const wrapper = reader.message('rate_limit_service');
  const grpc = wrapper?.message('grpc_service');
  wrapper?.oneOf('transport_api_version', { AUTO: 'v3', V3: 'v3' }, 'v3');
  if (grpc === undefined) reader.fail('rate_limit_service.grpc_service', 'missing');
  const type = reader.string('request_type');
  reader.require(
    'request_type',
    type === '' || type === 'both',
    `"${type}": telling requests from inside and outside apart is not supported by this proxy`,
  );
  const status = decodeHttpStatus(reader, 'rate_limited_status', 429);
  const service = grpc === undefined ? NO_SERVICE : decodeGrpcService(grpc, 0);
  const timeoutMs = reader.duration('timeout', DEFAULT_TIMEOUT_MS);
  const domain = reader.string('domain');
  reader.require('domain', domain !== '', 'missing');
  // Names of statistics.
  reader.harmless('stat_prefix');
  return {
    domain,
    stage: reader.number('stage', 0),
    service: { ...service, timeoutMs },
    denyOnFailure: reader.bool('failure_mode_deny'),
    statusOnError: decodeHttpStatus(reader, 'status_on_error', 500),
    status: status < 400 ? 429 : status,
    grpcExhausted: reader.bool('rate_limited_as_resource_exhausted'),
    rateLimitHeaders: reader.oneOf('enable_x_ratelimit_headers', { OFF: false, DRAFT_VERSION_03: true }, false),
    limitedHeader: !reader.bool('disable_x_envoy_ratelimited_header'),
    responseHeaders: reader.messages('response_headers_to_add').map(decodeMutation),
  };
}

const NO_SERVICE: GrpcService = { cluster: '', authority: '', timeoutMs: 0, metadata: [] };
