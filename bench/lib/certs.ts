import {
  createIssuing,
  createRoot,
  exportPrivateKey,
  formatSpiffeId,
  generateSigningKey,
  issueSvid,
  pemEncode,
  type Certificate,
  type Issuer,
  type SpiffeId,
} from '@meltemi/pki';

/** PEM texts of a workload. */
export interface Identity {
  readonly uri: string;
  readonly certificateChain: string;
  readonly privateKey: string;
}

/** A mesh's authority for one run. */
export interface Authority {
  readonly root: string;
  issue(serviceAccount: string): Promise<Identity>;
}

const TRUST_DOMAIN = 'cluster.local';
const DAY_MS = 86_400_000;

/** Root, issuing authority and P-256 workload certificates, in memory. */
export async function createAuthority(): Promise<Authority> {
  const nowMs = Date.now();
  const authority = async (commonName: string, make: (request: Parameters<typeof createRoot>[1]) => Promise<Certificate>): Promise<Issuer> => {
    const key = await generateSigningKey(crypto);
    return { key, certificate: await make({ commonName, trustDomain: TRUST_DOMAIN, key, nowMs, ttlMs: DAY_MS }) };
  };
  const root = await authority('root', (request) => createRoot(crypto, request));
  const issuing = await authority('issuing', (request) => createIssuing(crypto, root, request));
  return {
    root: pemEncode('CERTIFICATE', root.certificate.der),
    async issue(serviceAccount) {
      const key = await generateSigningKey(crypto);
      const id: SpiffeId = { trustDomain: TRUST_DOMAIN, namespace: 'bench', serviceAccount };
      const certificate = await issueSvid(crypto, issuing, { spki: key.spki, id, nowMs, ttlMs: DAY_MS / 2 });
      return {
        uri: formatSpiffeId(id),
        certificateChain: pemEncode('CERTIFICATE', certificate.der) + pemEncode('CERTIFICATE', issuing.certificate.der),
        privateKey: pemEncode('PRIVATE KEY', await exportPrivateKey(crypto, key)),
      };
    },
  };
}
