/** `envoy.extensions.filters.http.jwt_authn.v3.JwtProvider`: one issuer, as far as the mesh sets it. */
export interface JwtProvider {
  readonly issuer?: string;
  readonly audiences?: readonly string[];
  /** An empty text holds no key: no token of the issuer is good. */
  readonly local_jwks: { readonly inline_string: string };
  readonly forward?: boolean;
  readonly from_headers?: readonly { readonly name: string; readonly value_prefix?: string }[];
  readonly from_params?: readonly string[];
  readonly from_cookies?: readonly string[];
  readonly forward_payload_header?: string;
  readonly claim_to_headers?: readonly { readonly header_name: string; readonly claim_name: string }[];
  readonly payload_in_metadata?: string;
  readonly normalize_payload_in_metadata?: { readonly space_delimited_claims: readonly string[] };
  readonly clear_route_cache?: boolean;
}

/** `JwtRequirement`: exactly one member is set. */
export interface JwtRequirement {
  readonly provider_name?: string;
  readonly requires_any?: { readonly requirements: readonly JwtRequirement[] };
  readonly requires_all?: { readonly requirements: readonly JwtRequirement[] };
  readonly allow_missing?: Record<string, never>;
}

/** `envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication`. */
export interface JwtAuthentication {
  readonly providers: Readonly<Record<string, JwtProvider>>;
  readonly rules: readonly { readonly match: { readonly prefix: string }; readonly requires: JwtRequirement }[];
  readonly bypass_cors_preflight?: boolean;
}
