import { webcrypto } from 'node:crypto';
import { createRoot, exportPrivateKey, generateSigningKey, issueSvid, pemEncode, type CryptoPort, type Issuer } from '@meltemi/pki';

const crypto = webcrypto as unknown as CryptoPort;
const HOUR_MS = 3_600_000;

export interface TestIdentity {
  readonly uri: string;
  readonly chain: string;
  readonly key: string;
}

/** Certificates of one run, all of one root but `stranger`'s. */
export interface Identities {
  readonly rootPem: string;
  of(name: string): TestIdentity;
}

/** Name → DNS names in the certificate; each has the URI `spiffe://parity.test/ns/test/sa/<name>`. */
const NAMES: Readonly<Record<string, readonly string[]>> = {
  server: ['server.test'],
  other: ['other.test'],
  client: ['client.test'],
  guest: [],
  wildcard: ['*.wild.test'],
};
const STRANGER = 'stranger';

async function authority(trustDomain: string): Promise<Issuer> {
  const key = await generateSigningKey(crypto);
  return { key, certificate: await createRoot(crypto, { commonName: 'parity', trustDomain, key, nowMs: Date.now(), ttlMs: HOUR_MS }) };
}

async function issue(issuer: Issuer, trustDomain: string, name: string, dnsNames: readonly string[]): Promise<TestIdentity> {
  const key = await generateSigningKey(crypto);
  const id = { trustDomain, namespace: 'test', serviceAccount: name };
  const leaf = await issueSvid(crypto, issuer, { spki: key.spki, id, nowMs: Date.now(), ttlMs: HOUR_MS, dnsNames });
  return {
    uri: `spiffe://${trustDomain}/ns/test/sa/${name}`,
    chain: pemEncode('CERTIFICATE', leaf.der),
    key: pemEncode('PRIVATE KEY', await exportPrivateKey(crypto, key)),
  };
}

export async function createIdentities(): Promise<Identities> {
  const root = await authority('parity.test');
  const identities = new Map<string, TestIdentity>();
  for (const [name, dnsNames] of Object.entries(NAMES)) identities.set(name, await issue(root, 'parity.test', name, dnsNames));
  identities.set(STRANGER, await issue(await authority('stranger.test'), 'stranger.test', STRANGER, []));
  return {
    rootPem: pemEncode('CERTIFICATE', root.certificate.der),
    of(name) {
      const found = identities.get(name);
      if (found === undefined) throw new Error(`no identity "${name}"; there are ${[...identities.keys()].join(', ')}`);
      return found;
    },
  };
}
