import type { ConfigSource, SdsSecretConfig } from '@meltemi/protos-types';

/** "Over the stream this came from". Clusters and routes wait for it without end: serving without endpoints or routes would be an error. */
export const ADS: ConfigSource = { ads: {}, initial_fetch_timeout: '0s', resource_api_version: 'V3' };

/** A secret over the same stream. */
export function adsSecret(name: string): SdsSecretConfig {
  return { name, sds_config: ADS };
}

/** A credential of the user's. One that is not there must not hold up what else its listener serves. */
export function credentialSecret(name: string): SdsSecretConfig {
  return { name, sds_config: { ads: {}, initial_fetch_timeout: '5s', resource_api_version: 'V3' } };
}

/** The workload's own certificate, and the trusted roots. */
export const OWN_CERTIFICATE = adsSecret('default');
export const MESH_ROOTS = adsSecret('ROOTCA');

/**
 * SDS name of a credential. Objects name Secrets of the proxy's own namespace; only what is derived of the Gateway API holds a whole name, of another
 * namespace that grants it: users cannot write one ("://" is refused).
 */
export function credentialName(name: string, suffix = ''): string {
  return name.includes('://') ? name : `kubernetes://${name}${suffix}`;
}
