import { webcrypto } from 'node:crypto';
import { createIssuing, createRoot, exportPrivateKey, generateSigningKey, issueSvid, pemEncode, type CryptoPort, type Issuer } from '@meltemi/pki';

const crypto = webcrypto as unknown as CryptoPort;
const HOUR_MS = 3_600_000;

/** A certificate authority for tests, as the mesh has it: leaves come from an issuing authority below the root. */
export interface TestAuthority {
  /** SDS resource `ROOTCA`. */
  readonly rootSecret: object;
  readonly rootPem: string;
  /** SDS resource `default` for an account of namespace bookinfo. */
  identity(account: string, ttlMs?: number): Promise<TestIdentity>;
}

export interface TestIdentity {
  readonly secret: object;
  readonly chain: string;
  readonly key: string;
}

export async function createTestAuthority(trustDomain = 'cluster.local'): Promise<TestAuthority> {
  const key = await generateSigningKey(crypto);
  const root = await createRoot(crypto, { commonName: 'test', trustDomain, key, nowMs: Date.now(), ttlMs: HOUR_MS });
  const issuingKey = await generateSigningKey(crypto);
  const request = { commonName: 'test issuing', trustDomain, key: issuingKey, nowMs: Date.now(), ttlMs: HOUR_MS };
  const issuing = await createIssuing(crypto, { certificate: root, key }, request);
  const issuer: Issuer = { certificate: issuing, key: issuingKey };
  const rootPem = pemEncode('CERTIFICATE', root.der);
  return {
    rootPem,
    rootSecret: { name: 'ROOTCA', validation_context: { trusted_ca: { inline_string: rootPem } } },
    async identity(account, ttlMs = HOUR_MS) {
      const own = await generateSigningKey(crypto);
      const id = { trustDomain, namespace: 'bookinfo', serviceAccount: account };
      const leaf = await issueSvid(crypto, issuer, { spki: own.spki, id, nowMs: Date.now(), ttlMs });
      const chain = pemEncode('CERTIFICATE', leaf.der) + pemEncode('CERTIFICATE', issuing.der);
      const privateKey = pemEncode('PRIVATE KEY', await exportPrivateKey(crypto, own));
      return {
        chain,
        key: privateKey,
        secret: { name: 'default', tls_certificate: { certificate_chain: { inline_string: chain }, private_key: { inline_string: privateKey } } },
      };
    },
  };
}
