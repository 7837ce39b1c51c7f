import { decodeRuntimeFraction, decodeStringMatch } from '../decode/common.ts';
import type { Reader } from '../decode/reader.ts';
import { compileText } from '../compile/text.ts';
import { Statistic } from '../stats/statistic.ts';
import type { StringMatch } from '../types/common.ts';
import { defineFilter, type FilterKind } from './define.ts';
import type { FilterAction, FilterContext, FilterVerdict, HeaderEdit } from './types.ts';

/** A route's policy. Absent fields are inherited from the virtual host and the table. */
interface CorsPolicy {
  readonly origins: readonly StringMatch[];
  readonly methods: string;
  readonly headers: string;
  readonly expose: string;
  readonly maxAge: string;
  readonly credentials?: boolean;
  readonly privateNetwork?: boolean;
  /** Pass preflights on whose origin is not allowed; else they are answered without permission. */
  readonly forwardPreflights?: boolean;
  /** 0..1. */
  readonly enabled?: number;
  /** Counted, not enforced. 0..1. */
  readonly shadow?: number;
}

/** What the levels come to. */
type Merged = Required<CorsPolicy>;

/** Answers preflights, and tells browsers what a response is for (`envoy.filters.http.cors`). Only routes with a policy are concerned. */
export const corsFilter: FilterKind = defineFilter<Readonly<Record<string, never>>, CorsPolicy>({
  t: 'cors',
  types: ['envoy.extensions.filters.http.cors.v3.Cors'],
  overrideTypes: ['envoy.extensions.filters.http.cors.v3.CorsPolicy'],
  decode: () => ({}),
  decodeOverride: decodePolicy,
  compile(_, site) {
    // What answers itself is no resource to share.
    if (site.route?.config.action.t !== 'forward') return undefined;
    const policy = merge(site.overrides.toReversed());
    return site.overrides.length === 0 || (policy.enabled <= 0 && policy.shadow <= 0) ? undefined : compilePolicy(policy, `${site.statPrefix}cors.`);
  },
});

function decodePolicy(reader: Reader): CorsPolicy {
  const enabled = reader.message('filter_enabled');
  const shadow = reader.message('shadow_enabled');
  const flag = (field: string): boolean | undefined => (reader.has(field) ? reader.bool(field) : undefined);
  const credentials = flag('allow_credentials');
  const privateNetwork = flag('allow_private_network_access');
  const forwardPreflights = flag('forward_not_matching_preflights');
  return {
    origins: reader.messages('allow_origin_string_match').map(decodeStringMatch),
    methods: headerText(reader, 'allow_methods'),
    headers: headerText(reader, 'allow_headers'),
    expose: headerText(reader, 'expose_headers'),
    maxAge: headerText(reader, 'max_age'),
    ...(credentials === undefined ? {} : { credentials }),
    ...(privateNetwork === undefined ? {} : { privateNetwork }),
    ...(forwardPreflights === undefined ? {} : { forwardPreflights }),
    ...(enabled === undefined ? {} : { enabled: decodeRuntimeFraction(enabled) }),
    ...(shadow === undefined ? {} : { shadow: decodeRuntimeFraction(shadow) }),
  };
}

function headerText(reader: Reader, field: string): string {
  const text = reader.string(field);
  reader.require(field, !/[\r\n\0]/.test(text), 'a header value cannot hold CR, LF or NUL');
  return text;
}

/** Field by field, the first level that says something; `levels` run from specific to general. */
function merge(levels: readonly CorsPolicy[]): Merged {
  const text = (field: 'methods' | 'headers' | 'expose' | 'maxAge'): string => levels.find((level) => level[field] !== '')?.[field] ?? '';
  const flag = (field: 'credentials' | 'privateNetwork' | 'forwardPreflights', fallback: boolean): boolean =>
    levels.find((level) => level[field] !== undefined)?.[field] ?? fallback;
  const share = (field: 'enabled' | 'shadow', fallback: number): number => levels.find((level) => level[field] !== undefined)?.[field] ?? fallback;
  return {
    origins: levels.find((level) => level.origins.length > 0)?.origins ?? [],
    methods: text('methods'),
    headers: text('headers'),
    expose: text('expose'),
    maxAge: text('maxAge'),
    credentials: flag('credentials', false),
    privateNetwork: flag('privateNetwork', false),
    forwardPreflights: flag('forwardPreflights', true),
    enabled: share('enabled', 1),
    shadow: share('shadow', 0),
  };
}

function compilePolicy(policy: Merged, statPrefix: string): FilterAction {
  const tests = policy.origins.map(compileText);
  const everyOrigin = tests.some((test) => test('*'));
  const valid = new Statistic(`${statPrefix}origin_valid`);
  const invalid = new Statistic(`${statPrefix}origin_invalid`);
  return {
    decide(context) {
      const { request, thread } = context;
      const origin = request.header('origin') ?? '';
      if (origin === '') return undefined;
      const enabled = isHit(policy.enabled, thread);
      if (!enabled && !isHit(policy.shadow, thread)) return undefined;
      const allowed = everyOrigin || tests.some((test) => test(origin));
      (allowed ? valid : invalid).count(thread);
      return enabled ? verdictFor(policy, allowed ? origin : undefined, context) : undefined;
    },
  };
}

/** `origin`: undefined = one that is not allowed. */
function verdictFor(policy: Merged, origin: string | undefined, context: FilterContext): FilterVerdict | undefined {
  const { request } = context;
  const preflight = request.method === 'OPTIONS' && (request.header('access-control-request-method') ?? '') !== '';
  if (origin === undefined) return preflight && !policy.forwardPreflights ? preflightVerdict({ ...policy, expose: '' }, '', context) : undefined;
  return preflight ? preflightVerdict(policy, origin, context) : { response: { onResponse: () => ({ edits: responseEdits(policy, origin) }) } };
}

function preflightVerdict(policy: Merged, origin: string, { request }: FilterContext): FilterVerdict {
  const toNetwork = policy.privateNetwork && request.header('access-control-request-private-network') === 'true';
  const headers = [
    ...responseEdits(policy, origin),
    ...setHeader('access-control-allow-methods', policy.methods),
    ...setHeader('access-control-allow-headers', policy.headers),
    ...setHeader('access-control-max-age', policy.maxAge),
    ...setHeader('access-control-allow-private-network', toNetwork ? 'true' : ''),
  ];
  return { reply: { status: 200, body: '', flag: '', details: 'cors_response', headers } };
}

/** Whatever the application says of it: the policy is the route's. */
function responseEdits(policy: Merged, origin: string): readonly HeaderEdit[] {
  return [
    ...setHeader('access-control-allow-origin', origin),
    ...setHeader('access-control-allow-credentials', policy.credentials ? 'true' : ''),
    ...setHeader('access-control-expose-headers', policy.expose),
  ];
}

function setHeader(name: string, value: string): readonly HeaderEdit[] {
  return value === '' ? [] : [{ name, action: 'overwrite', value }];
}

function isHit(share: number, thread: FilterContext['thread']): boolean {
  return share > 0 && (share >= 1 || thread.random() < share);
}
