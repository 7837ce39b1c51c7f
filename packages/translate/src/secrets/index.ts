import { CA_SUFFIX, keyPairOf, trustOf, type PushContext } from '@meltemi/model';
import type { Secret } from '@meltemi/protos-types';
import type { InputsCache } from '../common/inputs-cache.ts';

/** A credential by its SDS name. */
interface CredentialName {
  readonly namespace: string;
  readonly name: string;
}

/**
 * `kubernetes://name` is of the node's own namespace. `kubernetes-gateway://namespace/name` and `configmap://namespace/name` name one; they stand only in
 * what the control plane itself wrote, after it had looked whether that namespace grants it.
 */
function parseName(text: string, namespace: string): CredentialName | undefined {
  const match = /^(kubernetes|kubernetes-gateway|configmap):\/\/(?:([^/]+)\/)?([^/]+)$/.exec(text);
  if (match === null) return undefined;
  const [, scheme, of, name = ''] = match;
  if (scheme === 'kubernetes') return of === undefined ? { namespace, name } : undefined;
  return of === undefined ? undefined : { namespace: of, name };
}

/** The SDS resource of a credential for a node of that namespace; undefined when there is none. */
export function secretResource(text: string, namespace: string, push: PushContext, cache: InputsCache): Secret | undefined {
  const credential = parseName(text, namespace);
  if (credential === undefined) return undefined;
  const key = `${credential.namespace}/${credential.name}`;
  const { secrets, configMaps } = push.credentials;
  const bare = key.endsWith(CA_SUFFIX) ? key.slice(0, -CA_SUFFIX.length) : key;
  const sources = [secrets.get(key), secrets.get(bare), configMaps.get(key)];
  return cache.get('secret', { text, key, sources }, () => ({ made: make(text, credential, push) })).made;
}

function make(text: string, { namespace, name }: CredentialName, push: PushContext): Secret | undefined {
  const wantsTrust = name.endsWith(CA_SUFFIX) || text.startsWith('configmap://');
  if (!wantsTrust) {
    const pair = keyPairOf(push, namespace, name);
    if (pair === undefined) return undefined;
    return {
      name: text,
      tls_certificate: { certificate_chain: { inline_string: pair.certificateChain }, private_key: { inline_string: pair.privateKey } },
    };
  }
  const trust = trustOf(push, namespace, name);
  if (trust === undefined) return undefined;
  const crl = trust.revocations === undefined ? {} : { crl: { inline_string: trust.revocations } };
  return { name: text, validation_context: { trusted_ca: { inline_string: trust.roots }, ...crl } };
}

// What a resource refers to never changes.
const known = new WeakMap<object, ReadonlySet<string>>();

/** Names of all secrets that resources ask for. */
export function secretNames(resources: Iterable<object>): ReadonlySet<string> {
  const all = new Set<string>();
  for (const resource of resources) {
    let names = known.get(resource);
    if (names === undefined) {
      const found = new Set<string>();
      collect(resource, found);
      known.set(resource, (names = found));
    }
    for (const name of names) all.add(name);
  }
  return all;
}

function collect(value: unknown, into: Set<string>): void {
  if (typeof value !== 'object' || value === null) return;
  if ('sds_config' in value && 'name' in value && typeof value.name === 'string') into.add(value.name);
  for (const inner of Object.values(value)) collect(inner, into);
}
