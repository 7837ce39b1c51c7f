/** ASN.1 tags used in certificates (X.690). */
export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  utf8String: 0x0c,
  printableString: 0x13,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
  /** Context tags: version of a certificate and attributes of a request, key identifier, DNS, URI and IP names, extensions. */
  context0: 0xa0,
  context0Primitive: 0x80,
  dnsName: 0x82,
  uriName: 0x86,
  ipName: 0x87,
  context3: 0xa3,
} as const;

/** Object identifiers as the content bytes of their DER, in hexadecimal. */
export const OID = {
  ecdsaWithSha256: '2a8648ce3d040302',
  organization: '55040a',
  commonName: '550403',
  basicConstraints: '551d13',
  keyUsage: '551d0f',
  extendedKeyUsage: '551d25',
  subjectAltName: '551d11',
  subjectKeyIdentifier: '551d0e',
  authorityKeyIdentifier: '551d23',
  serverAuth: '2b06010505070301',
  clientAuth: '2b06010505070302',
  extensionRequest: '2a864886f70d01090e',
} as const;
