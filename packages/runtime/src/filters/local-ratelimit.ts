import { decodeMutation, decodeRuntimeFraction } from '../decode/common.ts';
import { decodeHttpStatus } from '../decode/http-status.ts';
import type { Reader } from '../decode/reader.ts';
import { compileFormat } from '../format.ts';
import { routeDescriptors, type DescriptorMaker } from '../ratelimit/descriptors.ts';
import { SharedBucket } from '../ratelimit/shared-bucket.ts';
import { TokenBucket, type TokenBucketConfig } from '../ratelimit/token-bucket.ts';
import type { Descriptor, VirtualHostRules } from '../ratelimit/types.ts';
import { Statistic } from '../stats/statistic.ts';
import type { HeaderMutation } from '../types/common.ts';
import { defineFilter, mostSpecific, type FilterKind } from './define.ts';
import type { FilterAction, FilterContext, FilterOverrides, FilterSite, FilterVerdict, HeaderEdit } from './types.ts';

interface LocalLimit {
  readonly statPrefix: string;
  readonly status: number;
  /** Absent = requests that no descriptor is for are not limited. */
  readonly bucket?: TokenBucketConfig;
  readonly descriptors: readonly { readonly entries: Descriptor; readonly bucket: TokenBucketConfig }[];
  /** 0..1. */
  readonly enabled: number;
  readonly enforced: number;
  readonly requestHeaders: readonly HeaderMutation[];
  readonly responseHeaders: readonly HeaderMutation[];
  readonly stage: number;
  readonly perConnection: boolean;
  readonly rateLimitHeaders: boolean;
  readonly hostRules: VirtualHostRules;
  readonly alwaysDefault: boolean;
  readonly grpcExhausted: boolean;
}

const TYPE = 'envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit';
const MIN_FILL_MS = 50;
const RESOURCE_EXHAUSTED = 8;

/** Limits requests by token buckets of this proxy's own (`envoy.filters.http.local_ratelimit`); all threads draw from the same ones. */
export const localRateLimitFilter: FilterKind = defineFilter<LocalLimit, LocalLimit>({
  t: 'local-ratelimit',
  types: [TYPE],
  overrideTypes: [TYPE],
  readsRoute: true,
  decode: decodeLimit,
  decodeOverride: decodeLimit,
  compile(own, site) {
    const config = mostSpecific(own, site);
    return config.enabled <= 0 || (config.bucket === undefined && config.descriptors.length === 0) ? undefined : compileLimit(config, site);
  },
});

function decodeLimit(reader: Reader): LocalLimit {
  const bucket = reader.message('token_bucket');
  const enabled = reader.message('filter_enabled');
  const enforced = reader.message('filter_enforced');
  const status = decodeHttpStatus(reader, 'status', 429);
  reader.require(
    'local_cluster_rate_limit',
    !reader.has('local_cluster_rate_limit'),
    'sharing a limit among a cluster is not supported by this proxy',
  );
  reader.harmless('local_cluster_rate_limit');
  reader.require('stat_prefix', reader.string('stat_prefix') !== '', 'missing');
  return {
    statPrefix: reader.string('stat_prefix'),
    // As in Envoy: what is no error is not an answer to a request that was refused.
    status: status < 400 ? 429 : status,
    ...(bucket === undefined ? {} : { bucket: decodeBucket(bucket) }),
    descriptors: reader.messages('descriptors').map(decodeDescriptor),
    enabled: enabled === undefined ? 0 : decodeRuntimeFraction(enabled),
    enforced: enforced === undefined ? 0 : decodeRuntimeFraction(enforced),
    requestHeaders: reader.messages('request_headers_to_add_when_not_enforced').map(decodeMutation),
    responseHeaders: reader.messages('response_headers_to_add').map(decodeMutation),
    stage: reader.number('stage', 0),
    perConnection: reader.bool('local_rate_limit_per_downstream_connection'),
    rateLimitHeaders: reader.oneOf('enable_x_ratelimit_headers', { OFF: false, DRAFT_VERSION_03: true }, false),
    hostRules: decodeHostRules(reader),
    alwaysDefault: reader.bool('always_consume_default_token_bucket', true),
    grpcExhausted: reader.bool('rate_limited_as_resource_exhausted'),
  };
}

/** `vh_rate_limits`. */
export function decodeHostRules(reader: Reader): VirtualHostRules {
  return reader.oneOf<VirtualHostRules>('vh_rate_limits', { OVERRIDE: 'override', INCLUDE: 'include', IGNORE: 'ignore' }, 'override');
}

function decodeBucket(reader: Reader): TokenBucketConfig {
  const maxTokens = reader.number('max_tokens', 0);
  const tokensPerFill = reader.number('tokens_per_fill', 1);
  const fillIntervalMs = reader.duration('fill_interval', 0);
  reader.require('max_tokens', maxTokens > 0, 'must be more than 0');
  reader.require('tokens_per_fill', tokensPerFill > 0, 'must be more than 0');
  reader.require('fill_interval', fillIntervalMs >= MIN_FILL_MS, `must be at least ${MIN_FILL_MS} ms`);
  return { maxTokens, tokensPerFill, fillIntervalMs };
}

function decodeDescriptor(reader: Reader): LocalLimit['descriptors'][number] {
  const bucket = reader.message('token_bucket');
  const entries = reader.messages('entries').map((entry) => ({ key: entry.string('key'), value: entry.string('value') }));
  reader.require('entries', entries.length > 0, 'needs at least one');
  if (bucket === undefined) reader.fail('token_bucket', 'missing');
  return { entries, bucket: bucket === undefined ? { maxTokens: 1, tokensPerFill: 1, fillIntervalMs: MIN_FILL_MS } : decodeBucket(bucket) };
}

type Bucket = Pick<TokenBucket, 'maxTokens' | 'tokensPerMs' | 'take' | 'remaining' | 'resetSeconds'>;

/** The buckets of one configuration: every route that it counts for draws from the same ones. */
interface Buckets {
  readonly standard: Bucket | undefined;
  readonly special: readonly { readonly entries: Descriptor; readonly bucket: Bucket }[];
}

const shared = new WeakMap<LocalLimit, WeakMap<object, Buckets>>();

/** `owner`: a connection, or the configuration itself for all; `make` a bucket, for the configuration's n-th. */
function bucketsOf(config: LocalLimit, owner: object, make: (config: TokenBucketConfig, index: number) => Bucket): Buckets {
  let owners = shared.get(config);
  if (owners === undefined) shared.set(config, (owners = new WeakMap()));
  let buckets = owners.get(owner);
  if (buckets === undefined) {
    buckets = {
      standard: config.bucket === undefined ? undefined : make(config.bucket, 0),
      special: config.descriptors.map(({ entries, bucket }, index) => ({ entries, bucket: make(bucket, index + 1) })),
    };
    owners.set(owner, buckets);
  }
  return buckets;
}

/** Does the request pass, and which bucket is the one that its headers tell of? */
interface Draw {
  readonly passes: boolean;
  readonly bucket: Bucket | undefined;
}

function draw(config: LocalLimit, buckets: Buckets, descriptors: readonly Descriptor[], nowMs: number): Draw {
  const matched = descriptors
    .map((descriptor) => buckets.special.find(({ entries }) => sameDescriptor(entries, descriptor))?.bucket)
    .filter((bucket) => bucket !== undefined)
    // The slowest first: it is the one that refuses most.
    .sort((a, b) => a.tokensPerMs - b.tokensPerMs);
  for (const bucket of matched) if (!bucket.take(nowMs)) return { passes: false, bucket };
  const [tightest] = matched;
  if (tightest !== undefined && !config.alwaysDefault) return { passes: true, bucket: tightest };
  const { standard } = buckets;
  if (standard !== undefined && !standard.take(nowMs)) return { passes: false, bucket: standard };
  return { passes: true, bucket: tightest ?? standard };
}

/** A limit's entry without a value is for every value. */
function sameDescriptor(entries: Descriptor, descriptor: Descriptor): boolean {
  return (
    entries.length === descriptor.length &&
    entries.every(({ key, value }, index) => key === descriptor[index]?.key && (value === '' || value === descriptor[index].value))
  );
}

function compileLimit(config: LocalLimit, site: FilterSite<LocalLimit>): FilterAction {
  const maker = config.descriptors.length === 0 ? undefined : routeDescriptors(site.route, config.stage, config.hostRules);
  const responseHeaders = compileOptions(config.responseHeaders);
  const requestHeaders = compileOptions(config.requestHeaders);
  const stat = (name: string): Statistic => new Statistic(`${config.statPrefix}.http_local_rate_limit.${name}`);
  const name = nameOf(config, site);
  const stats = { enabled: stat('enabled'), ok: stat('ok'), limited: stat('rate_limited'), enforced: stat('enforced') };
  return {
    decide(context) {
      const { thread } = context;
      if (!isHit(config.enabled, thread)) return undefined;
      stats.enabled.count(thread);
      const { passes, bucket } = drawFor({ config, maker, name }, context);
      const told = config.rateLimitHeaders && bucket !== undefined ? rateLimitHeaders(bucket, thread.nowMs()) : undefined;
      (passes ? stats.ok : stats.limited).count(thread);
      if (passes) return told === undefined ? undefined : { response: { onResponse: () => ({ edits: told }) } };
      if (!isHit(config.enforced, thread)) return requestHeaders === undefined ? undefined : { request: requestHeaders(context) };
      stats.enforced.count(thread);
      return refusal(config, [...(responseHeaders?.(context) ?? []), ...(told ?? [])]);
    },
  };
}

interface Compiled {
  readonly config: LocalLimit;
  readonly maker: DescriptorMaker | undefined;
  /** Says the same on every thread. */
  readonly name: string;
}

function drawFor({ config, maker, name }: Compiled, context: FilterContext): Draw {
  const { thread } = context;
  const nowMs = thread.nowMs();
  const owner = config.perConnection ? context.peer.connection : config;
  const make = (bucket: TokenBucketConfig, index: number): Bucket => {
    const place = config.perConnection ? undefined : thread.shared?.numbers.place(`${name}|${index}`);
    return place === undefined ? new TokenBucket(bucket, nowMs) : new SharedBucket(bucket, place, thread.shared?.offsetMs ?? 0);
  };
  return draw(config, bucketsOf(config, owner, make), maker?.(context) ?? [], nowMs);
}

/** The buckets of one configuration, in words that say the same on every thread: where it stands, and what it is. */
function nameOf(config: LocalLimit, site: FilterSite<LocalLimit>): string {
  return `ratelimit|${site.statPrefix}|${site.name}|${placeOf(config, site)}|${JSON.stringify(config)}`;
}

/** The weighted cluster, route, virtual host or table that has this configuration for its own; '' = the chain. */
function placeOf(config: LocalLimit, { overrides, route, choice, name }: FilterSite<LocalLimit>): string {
  if (overrides.length === 0 || route === undefined) return '';
  const { table, virtualHost, index, config: own } = route;
  const has = (level: FilterOverrides | undefined): boolean => {
    const said = level !== undefined && Object.hasOwn(level, name) ? level[name] : undefined;
    return said?.t === 'settings' && said.config === config;
  };
  if (has(choice?.overrides)) return `${table.name}|${virtualHost.name}|${index}|${choice?.index}`;
  if (has(own.overrides)) return `${table.name}|${virtualHost.name}|${index}`;
  return has(virtualHost.overrides) ? `${table.name}|${virtualHost.name}` : table.name;
}

function refusal(config: LocalLimit, headers: readonly HeaderEdit[]): FilterVerdict {
  return {
    reply: {
      status: config.status,
      body: 'local_rate_limited',
      flag: 'RL',
      details: 'local_rate_limited',
      headers,
      ...(config.grpcExhausted ? { grpcOnlyStatus: RESOURCE_EXHAUSTED } : {}),
    },
  };
}

function rateLimitHeaders(bucket: Bucket, nowMs: number): readonly HeaderEdit[] {
  const values = { limit: bucket.maxTokens, remaining: bucket.remaining(nowMs), reset: bucket.resetSeconds(nowMs) };
  return Object.entries(values).map(([name, value]) => ({ name: `x-ratelimit-${name}`, action: 'overwrite', value: String(value) }));
}

/** Options with their formats, as edits. */
export function compileOptions(options: readonly HeaderMutation[]): ((context: Pick<FilterContext, 'format'>) => readonly HeaderEdit[]) | undefined {
  if (options.length === 0) return undefined;
  const compiled = options.map((option) => ({ option, format: compileFormat(option.value, '') }));
  return ({ format: source }) =>
    compiled
      .map(({ option: { name, action, keepEmptyValue }, format }) => ({ name, action, keepEmptyValue, value: format.render(source) }))
      .filter(({ value, keepEmptyValue }) => value !== '' || keepEmptyValue)
      .map(({ name, action, value }) => ({ name, action, value }));
}

function isHit(share: number, thread: FilterContext['thread']): boolean {
  return share >= 1 || (share > 0 && thread.random() < share);
}
