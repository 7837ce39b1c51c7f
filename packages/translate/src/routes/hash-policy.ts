import type { LoadBalancerSettings } from '@meltemi/api';
import type { HashPolicy } from '@meltemi/protos-types';
import { defined, filled, nonEmpty } from '../common/defined.ts';
import { durationOf } from '../common/duration.ts';

/** What a request is hashed by, for clusters with consistent hashing. */
export function hashPolicy(settings: LoadBalancerSettings | undefined): readonly HashPolicy[] {
  const hash = settings?.consistentHash;
  if (hash === undefined) return [];
  if (hash.httpHeaderName !== undefined) return [{ header: { header_name: hash.httpHeaderName } }];
  if (hash.httpQueryParameterName !== undefined) return [{ query_parameter: { name: hash.httpQueryParameterName } }];
  if (hash.httpCookie !== undefined) {
    const { name, path, ttl, attributes } = hash.httpCookie;
    const more = filled((attributes ?? []).map((attribute) => ({ name: attribute.name, value: attribute.value ?? '' })));
    // Without a life time the cookie is only read, never made.
    return [{ cookie: defined({ name, path: nonEmpty(path), ttl: durationOf(ttl), attributes: more }) }];
  }
  return hash.useSourceIp === true ? [{ connection_properties: { source_ip: true } }] : [];
}
