import type { LoadBalancerSettings } from '@meltemi/api';
import type { HashPolicy } from '@meltemi/protos-types';
import { durationOf } from '../common/duration.ts';

/** What a request is hashed by, for clusters with consistent hashing. */
export function hashPolicy(settings: LoadBalancerSettings | undefined): readonly HashPolicy[] {
  const hash = settings?.consistentHash;
  if (hash === undefined) return [];
  if (hash.httpHeaderName !== undefined) return [{ header: { header_name: hash.httpHeaderName } }];
  if (hash.httpQueryParameterName !== undefined) return [{ query_parameter: { name: hash.httpQueryParameterName } }];
  if (hash.httpCookie !== undefined) {
    const { name, path, ttl } = hash.httpCookie;
    const lifetime = durationOf(ttl);
    return [{ cookie: { name, ...(path === undefined ? {} : { path }), ...(lifetime === undefined ? {} : { ttl: lifetime }) } }];
  }
  return [{ connection_properties: { source_ip: true } }];
}
