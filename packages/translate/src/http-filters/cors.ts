import { durationMs, type CorsPolicy as CorsSettings, type HttpRoute, type StringMatch } from '@meltemi/api';
import { ANY_TYPE, EXTENSION_NAME, packAny, type CorsPolicy, type StringMatcher } from '@meltemi/protos-types';
import { defined, filled, nonEmpty } from '../common/defined.ts';
import type { HttpFilterDefinition } from './define.ts';

/** Cross-origin rules, where a route has them; on its own the filter lets everything pass. */
export const corsFilter: HttpFilterDefinition = {
  name: EXTENSION_NAME.cors,
  applies: ({ place }) => place !== 'sidecar-inbound',
  build: () => ({ name: EXTENSION_NAME.cors, typed_config: packAny(ANY_TYPE.cors, {}) }),
  perRoute: ({ corsPolicy }: HttpRoute) => (corsPolicy === undefined ? undefined : packAny(ANY_TYPE.corsPolicy, policyOf(corsPolicy))),
};

function policyOf(cors: CorsSettings): CorsPolicy {
  const origins = cors.allowOrigins?.map(originMatcher) ?? cors.allowOrigin?.map((exact) => ({ exact }));
  const ms = cors.maxAge === undefined ? undefined : durationMs(cors.maxAge);
  return defined({
    allow_origin_string_match: filled(origins ?? []),
    allow_methods: nonEmpty((cors.allowMethods ?? []).join()),
    allow_headers: nonEmpty((cors.allowHeaders ?? []).join()),
    expose_headers: nonEmpty((cors.exposeHeaders ?? []).join()),
    max_age: ms === undefined ? undefined : String(Math.floor(ms / 1000)),
    allow_credentials: cors.allowCredentials,
    filter_enabled: { default_value: { numerator: 100, denominator: 'HUNDRED' as const } },
    // What Envoy does by itself; said, as in Istio, because it was not always so.
    forward_not_matching_preflights: cors.unmatchedPreflights !== 'IGNORE',
  });
}

function originMatcher({ exact, prefix, regex }: StringMatch): StringMatcher {
  if (exact !== undefined) return { exact };
  return prefix === undefined ? { safe_regex: { regex: regex ?? '' } } : { prefix };
}
