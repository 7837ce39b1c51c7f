import { X509Certificate } from 'node:crypto';
import { createSecureContext, type SecureContext, type TlsOptions } from 'node:tls';
import { parseAltNames } from './tls-peer.ts';
import type { TlsMaterial } from './tls-secrets.ts';

/** Chooses among several certificates by the name that a client asks for; undefined: the default will do. */
export type ChooseContext = (serverName: string) => SecureContext | undefined;

interface Pair {
  readonly cert: string;
  readonly key: string;
  /** `rsa`, `ec`, …: a context holds one pair of each, and each client gets the one that it can check. */
  readonly type: string | undefined;
  readonly names: ReadonlySet<string>;
}

type Keys = Pick<TlsOptions, 'cert' | 'key'>;

/** The pairs that clients get who ask for no name or for one that none has: of each type of key the first. Throws what OpenSSL says of a bad certificate. */
export function defaultKeys(material: TlsMaterial): Keys {
  return material.more.length === 0 ? single(material) : keysOf(firstOfEachType(pairsOf(material)));
}

/** Contexts for the names in the certificates, each made when first asked for. `options` is what they have in common. Undefined where there is one certificate. */
export function chooserOf(material: TlsMaterial, options: TlsOptions): ChooseContext | undefined {
  if (material.more.length === 0) return undefined;
  const pairs = pairsOf(material);
  const byDefault = new Set(firstOfEachType(pairs));
  const contexts = new Map<string, SecureContext>();
  return (serverName) => {
    const own = pairs.filter(({ names }) => names.has(serverName));
    const wildcard = `*${serverName.slice(Math.max(0, serverName.indexOf('.')))}`;
    const fitting = own.length > 0 ? own : pairs.filter(({ names }) => names.has(wildcard));
    const chosen = firstOfEachType(fitting);
    // Node takes one pair out of the context that it is given. The default has one of each type, so it must do where a client may choose by type.
    if (chosen.every((pair) => byDefault.has(pair))) return undefined;
    const key = chosen.map((pair) => pairs.indexOf(pair)).join(' ');
    let context = contexts.get(key);
    if (context === undefined) contexts.set(key, (context = createSecureContext({ ...options, ...keysOf(chosen) })));
    return context;
  };
}

function single({ certificateChain, privateKey }: TlsMaterial): Keys {
  return certificateChain === undefined || privateKey === undefined ? {} : { cert: certificateChain, key: privateKey };
}

function keysOf(pairs: readonly Pair[]): Keys {
  return { cert: pairs.map(({ cert }) => cert), key: pairs.map(({ key }) => key) };
}

function firstOfEachType(pairs: readonly Pair[]): readonly Pair[] {
  return pairs.filter((pair, index) => pairs.findIndex(({ type }) => type === pair.type) === index);
}

function pairsOf({ certificateChain, privateKey, more }: TlsMaterial): readonly Pair[] {
  const first = certificateChain === undefined || privateKey === undefined ? [] : [{ certificateChain, privateKey }];
  return [...first, ...more].map(({ certificateChain: cert, privateKey: key }) => {
    const certificate = new X509Certificate(cert);
    return { cert, key, type: certificate.publicKey.asymmetricKeyType, names: new Set(namesOf(certificate)) };
  });
}

/** DNS names, in small letters; the common name speaks only where there is no list of names (RFC 6125 section 6.4.4). */
function namesOf({ subject, subjectAltName }: X509Certificate): readonly string[] {
  if (subjectAltName === undefined) {
    const commonName = /^CN=(.*)$/m.exec(subject)?.[1];
    return commonName === undefined ? [] : [commonName.toLowerCase()];
  }
  return parseAltNames(subjectAltName).flatMap(({ type, value }) => (type === 'dns' ? [value.toLowerCase()] : []));
}
