import { compressorHalf } from './compressor.ts';
import { extAuthzHalf } from './ext-authz.ts';
import { faultHalf } from './fault.ts';
import type { FilterHalf } from './half.ts';
import { jwtAuthnHalf } from './jwt-authn.ts';
import { rateLimitHalf } from './ratelimit.ts';

/** The halves of filters that do I/O or work on payloads, by kind. */
const HALVES: readonly FilterHalf[] = [compressorHalf, extAuthzHalf, faultHalf, jwtAuthnHalf, rateLimitHalf];

const byKind = new Map(HALVES.map((half) => [half.t, half]));

/** The half of a kind. A kind that asks without having one is a programming error. */
export function filterHalf(kind: string): FilterHalf {
  const half = byKind.get(kind);
  if (half === undefined) throw new TypeError(`filter ${kind} has no half that asks or transforms`);
  return half;
}
