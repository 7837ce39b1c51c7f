/** A secret by name (SDS resource). The key material lives in memory only and is never shown by the admin endpoint. */
export type RuntimeSecret =
  | { readonly t: 'certificate'; readonly name: string; readonly certificateChain: string; readonly privateKey: string }
  | { readonly t: 'trust'; readonly name: string; readonly trustedCa: string; readonly crl?: string };
