import { compressorHalf } from './compressor.ts';
import { decompressorHalf } from './decompressor.ts';
import { dynamicForwardProxyHalf } from './dynamic-forward-proxy.ts';
import { extAuthzHalf } from './ext-authz.ts';
import { faultHalf } from './fault.ts';
import { grpcWebHalf } from './grpc-web.ts';
import type { FilterHalf } from './half.ts';
import { headerMutationHalf } from './header-mutation.ts';
import { jwtAuthnHalf } from './jwt-authn.ts';
import { rateLimitHalf } from './ratelimit.ts';

/** The halves of filters that do I/O or work on payloads, by kind. */
const HALVES: readonly FilterHalf[] = [
  compressorHalf,
  decompressorHalf,
  dynamicForwardProxyHalf,
  extAuthzHalf,
  faultHalf,
  grpcWebHalf,
  headerMutationHalf,
  jwtAuthnHalf,
  rateLimitHalf,
];

/** By kind. */
export const FILTER_HALVES: ReadonlyMap<string, FilterHalf> = new Map(HALVES.map((half) => [half.t, half]));
