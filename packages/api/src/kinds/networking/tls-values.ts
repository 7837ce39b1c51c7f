/** Cipher suites of TLS 1.2 that Envoy and our own proxy know. With one that they do not know, they refuse the whole listener. */
const CIPHER_SUITES: ReadonlySet<string> = new Set([
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
  'ECDHE-ECDSA-AES128-SHA',
  'ECDHE-RSA-AES128-SHA',
  'ECDHE-ECDSA-AES256-SHA',
  'ECDHE-RSA-AES256-SHA',
  'AES128-GCM-SHA256',
  'AES256-GCM-SHA384',
  'AES128-SHA',
  'AES256-SHA',
]);

/** What is wrong with the name of a cipher suite. */
export function cipherSuiteFault(value: string): string | undefined {
  return CIPHER_SUITES.has(value) ? undefined : `"${value}" is not a cipher suite of TLS 1.2; known are ${[...CIPHER_SUITES].join(', ')}`;
}

/** What is wrong with the SHA-256 of a public key, in base64. */
export function keyHashFault(value: string): string | undefined {
  return /^[A-Za-z0-9+/]{43}=$/.test(value) ? undefined : `"${value}" is not a SHA-256 in base64 (44 characters)`;
}

/** What is wrong with the SHA-256 of a certificate, in hexadecimal digits with or without colons. */
export function certificateHashFault(value: string): string | undefined {
  return /^[0-9a-fA-F]{64}$|^[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){31}$/.test(value) ? undefined : `"${value}" is not a SHA-256 in hexadecimal digits`;
}
