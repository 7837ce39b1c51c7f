import type { ForwardAction, HedgePolicy, InternalRedirectPolicy, MirrorPolicy } from '../types/route.ts';
import { decodeFraction, decodeRuntimeFraction } from './common.ts';
import type { Reader } from './reader.ts';

/** By what a request goes out more than once: hedging, mirrors, redirects that the proxy follows. */
export function decodeCopies(reader: Reader): Pick<ForwardAction, 'hedge' | 'mirrors' | 'internalRedirect'> {
  const redirect = reader.message('internal_redirect_policy');
  return {
    ...decodeHedging(reader),
    mirrors: decodeMirrors(reader),
    ...(redirect === undefined ? {} : { internalRedirect: decodeInternalRedirect(redirect) }),
  };
}

export function decodeMirrors(reader: Reader): readonly MirrorPolicy[] {
  return reader.messages('request_mirror_policies').map(decodeMirror);
}

export function decodeHedging(reader: Reader): Pick<ForwardAction, 'hedge'> {
  const hedge = reader.message('hedge_policy');
  return hedge === undefined ? {} : { hedge: decodeHedge(hedge) };
}

function decodeHedge(reader: Reader): HedgePolicy {
  const initialRequests = reader.number('initial_requests', 1);
  reader.require('initial_requests', initialRequests >= 1, `${initialRequests} is no request`);
  const chance = reader.message('additional_request_chance');
  return {
    initialRequests,
    additionalChance: chance === undefined ? 0 : decodeFraction(chance),
    onPerTryTimeout: reader.bool('hedge_on_per_try_timeout'),
  };
}

function decodeMirror(reader: Reader): MirrorPolicy {
  const name = reader.string('cluster');
  const header = reader.string('cluster_header').toLowerCase();
  reader.require('cluster', (name === '') !== (header === ''), 'one of cluster and cluster_header must be set');
  const fraction = reader.message('runtime_fraction');
  return {
    cluster: header === '' ? { t: 'one', name } : { t: 'header', name: header },
    fraction: fraction === undefined ? 1 : decodeRuntimeFraction(fraction),
    // Absent means sampled, in Envoy's way.
    traceSampled: reader.bool('trace_sampled', true),
    keepHost: reader.bool('disable_shadow_host_suffix_append'),
  };
}

const PREDICATES = 'envoy.extensions.internal_redirect.';
const REDIRECT_STATUSES = new Set([301, 302, 303, 307, 308]);

function decodeInternalRedirect(reader: Reader): InternalRedirectPolicy {
  let safeOnly = false;
  let newRoutesOnly = false;
  let allowedRoutes: readonly string[] | undefined;
  for (const predicate of reader.messages('predicates')) {
    const name = predicate.string('name');
    const config = predicate.message('typed_config');
    const type = config?.type() ?? '';
    if (type === `${PREDICATES}safe_cross_scheme.v3.SafeCrossSchemeConfig`) safeOnly = true;
    else if (type === `${PREDICATES}previous_routes.v3.PreviousRoutesConfig`) newRoutesOnly = true;
    else if (type === `${PREDICATES}allow_listed_routes.v3.AllowListedRoutesConfig`) allowedRoutes = config?.strings('allowed_route_names') ?? [];
    else {
      config?.ignoreRest();
      predicate.fail('', `internal redirect predicate "${name}" (${type}) is not supported by this proxy`);
    }
  }
  const statuses = reader.numbers('redirect_response_codes');
  // Codes that are no redirects are passed over by Envoy.
  const known = statuses.filter((status) => REDIRECT_STATUSES.has(status));
  const copyHeaders = reader.strings('response_headers_to_copy').map((name) => name.toLowerCase());
  copyHeaders.forEach((name, index) =>
    reader.require(`response_headers_to_copy[${index}]`, !name.startsWith(':') && name !== 'host', `"${name}" cannot be copied`),
  );
  return {
    maxRedirects: reader.number('max_internal_redirects', 1),
    statuses: statuses.length === 0 ? [302] : known,
    crossScheme: reader.bool('allow_cross_scheme_redirect'),
    safeOnly,
    newRoutesOnly,
    ...(allowedRoutes === undefined ? {} : { allowedRoutes }),
    copyHeaders,
  };
}
