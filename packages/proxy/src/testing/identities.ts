import { webcrypto } from 'node:crypto';
import { createRoot, exportPrivateKey, generateSigningKey, issueSvid, pemEncode, type CryptoPort, type Issuer } from '@meltemi/pki';

const crypto = webcrypto as unknown as CryptoPort;
const HOUR_MS = 3_600_000;

/** A certificate authority for tests. */
export interface TestAuthority {
  /** SDS resource `ROOTCA`. */
  readonly rootSecret: object;
  readonly rootPem: string;
  /** SDS resource `default` for an account of namespace bookinfo. */
  identity(account: string): Promise<{ readonly secret: object; readonly chain: string; readonly key: string }>;
}

export async function createTestAuthority(): Promise<TestAuthority> {
  const key = await generateSigningKey(crypto);
  const certificate = await createRoot(crypto, { commonName: 'test', trustDomain: 'cluster.local', key, nowMs: Date.now(), ttlMs: HOUR_MS });
  const issuer: Issuer = { certificate, key };
  const rootPem = pemEncode('CERTIFICATE', certificate.der);
  return {
    rootPem,
    rootSecret: { name: 'ROOTCA', validation_context: { trusted_ca: { inline_string: rootPem } } },
    async identity(account) {
      const own = await generateSigningKey(crypto);
      const id = { trustDomain: 'cluster.local', namespace: 'bookinfo', serviceAccount: account };
      const leaf = await issueSvid(crypto, issuer, { spki: own.spki, id, nowMs: Date.now(), ttlMs: HOUR_MS });
      const chain = pemEncode('CERTIFICATE', leaf.der);
      const privateKey = pemEncode('PRIVATE KEY', await exportPrivateKey(crypto, own));
      return {
        chain,
        key: privateKey,
        secret: { name: 'default', tls_certificate: { certificate_chain: { inline_string: chain }, private_key: { inline_string: privateKey } } },
      };
    },
  };
}
