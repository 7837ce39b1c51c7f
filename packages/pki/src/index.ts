export { certificateInfo, parseCertificate, parseCertificates, spiffeIdOf, type Certificate, type CertificateInfo } from './certificate.ts';
export {
  exportPrivateKey,
  generateSigningKey,
  importSigningKey,
  type CryptoKeyHandle,
  type CryptoKeyPairHandle,
  type CryptoPort,
  type SigningKey,
} from './crypto.ts';
export { createCsr, verifyCsr, type CertificateRequest } from './csr.ts';
export { BACKDATE_MS, createIssuing, createRoot, issueSvid, type AuthorityRequest, type Issuer, type SvidRequest } from './issue.ts';
export { joinPem, pemDecode, pemEncode, type PemLabel } from './pem.ts';
export { renewalDelayMs, retryDelayMs } from './renewal.ts';
export { formatSpiffeId, isValidSpiffeId, parseSpiffeId, type SpiffeId } from './spiffe.ts';
export { verifyChain, type ChainVerdict } from './verify.ts';
