import { secretValue, type Config } from '@meltemi/api';
import type { ConfigMapSpec, SecretSpec } from '../specs.ts';
import type { PushContext } from './push-context.ts';

/** Secrets and ConfigMaps by `namespace/name`. */
export interface CredentialTable {
  readonly secrets: ReadonlyMap<string, Config<SecretSpec>>;
  readonly configMaps: ReadonlyMap<string, Config<ConfigMapSpec>>;
}

/** Builds the table. */
export function buildCredentialTable(secrets: readonly Config<SecretSpec>[], configMaps: readonly Config<ConfigMapSpec>[]): CredentialTable {
  return { secrets: byKey(secrets), configMaps: byKey(configMaps) };
}

function byKey<T>(configs: readonly Config<T>[]): ReadonlyMap<string, Config<T>> {
  return new Map(configs.map((config) => [`${config.meta.namespace}/${config.meta.name}`, config]));
}

/** What a proxy needs of a credential, as PEM text. */
export interface KeyPair {
  readonly certificateChain: string;
  readonly privateKey: string;
}

export interface TrustBundle {
  readonly roots: string;
  /** Revoked certificates; undefined: none are told. */
  readonly revocations: string | undefined;
}

/** Certificate and key of a Secret: `tls.crt` and `tls.key`, or `cert` and `key`. */
export function keyPairOf(context: Pick<PushContext, 'credentials'>, namespace: string, name: string): KeyPair | undefined {
  const secret = context.credentials.secrets.get(`${namespace}/${name}`);
  if (secret === undefined) return undefined;
  const certificateChain = secretValue(secret, 'tls.crt', 'cert');
  const privateKey = secretValue(secret, 'tls.key', 'key');
  return certificateChain === undefined || privateKey === undefined ? undefined : { certificateChain, privateKey };
}

/** Suffix of the Secret that holds the certificates to trust beside a key pair. */
export const CA_SUFFIX = '-cacert';

/**
 * The certificates to trust of a credential, `ca.crt` or `cacert`: of the Secret of that name, of the Secret without the suffix `-cacert`, or of the
 * ConfigMap of that name.
 */
export function trustOf(context: Pick<PushContext, 'credentials'>, namespace: string, name: string): TrustBundle | undefined {
  const { secrets, configMaps } = context.credentials;
  const names = name.endsWith(CA_SUFFIX) ? [name, name.slice(0, -CA_SUFFIX.length)] : [name];
  for (const candidate of names) {
    const secret = secrets.get(`${namespace}/${candidate}`);
    const roots = secret === undefined ? undefined : secretValue(secret, 'ca.crt', 'cacert');
    if (secret !== undefined && roots !== undefined) return { roots, revocations: secretValue(secret, 'ca.crl', 'crl') };
  }
  const data = configMaps.get(`${namespace}/${name}`)?.spec.data;
  const roots = data?.['ca.crt'] ?? data?.['cacert'];
  return roots === undefined ? undefined : { roots, revocations: data?.['ca.crl'] };
}
