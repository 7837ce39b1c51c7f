/**
 * The 64-bit hashes of Envoy's consistent load balancers, so that both data planes choose the same host. Text counts as one byte per
 * character: header values and addresses are bytes.
 */

const MASK = 0xffff_ffff_ffff_ffffn;
const P1 = 0x9e37_79b1_85eb_ca87n;
const P2 = 0xc2b2_ae3d_27d4_eb4fn;
const P3 = 0x1656_67b1_9e37_79f9n;
const P4 = 0x85eb_ca77_c2b2_ae63n;
const P5 = 0x27d4_eb2f_1656_67c5n;

function wrap(value: bigint): bigint {
  return BigInt.asUintN(64, value);
}

function rotate(value: bigint, bits: bigint): bigint {
  return wrap(value << bits) | (value >> (64n - bits));
}

function byte(text: string, at: number): number {
  return text.charCodeAt(at) & 0xff;
}

/** Four bytes, little-endian. */
function word(text: string, at: number): number {
  return (byte(text, at) | (byte(text, at + 1) << 8) | (byte(text, at + 2) << 16) | (byte(text, at + 3) << 24)) >>> 0;
}

/** Eight bytes, little-endian. */
function long(text: string, at: number): bigint {
  return (BigInt(word(text, at + 4)) << 32n) | BigInt(word(text, at));
}

function round(accumulator: bigint, lane: bigint): bigint {
  return wrap(rotate(wrap(accumulator + lane * P2), 31n) * P1);
}

function merge(accumulator: bigint, lane: bigint): bigint {
  return wrap((accumulator ^ round(0n, lane)) * P1 + P4);
}

/** XXH64. */
export function xxHash64(text: string, seed = 0n): bigint {
  const { length } = text;
  let at = 0;
  let hash: bigint;
  if (length >= 32) {
    let a = wrap(seed + P1 + P2);
    let b = wrap(seed + P2);
    let c = seed;
    let d = wrap(seed - P1);
    for (; at + 32 <= length; at += 32) {
      a = round(a, long(text, at));
      b = round(b, long(text, at + 8));
      c = round(c, long(text, at + 16));
      d = round(d, long(text, at + 24));
    }
    hash = wrap(rotate(a, 1n) + rotate(b, 7n) + rotate(c, 12n) + rotate(d, 18n));
    hash = merge(merge(merge(merge(hash, a), b), c), d);
  } else hash = wrap(seed + P5);
  return avalanche(tail(wrap(hash + BigInt(length)), text, at));
}

function tail(start: bigint, text: string, from: number): bigint {
  const { length } = text;
  let hash = start;
  let at = from;
  for (; at + 8 <= length; at += 8) hash = wrap(rotate(hash ^ round(0n, long(text, at)), 27n) * P1 + P4);
  if (at + 4 <= length) {
    hash = wrap(rotate(hash ^ wrap(BigInt(word(text, at)) * P1), 23n) * P2 + P3);
    at += 4;
  }
  for (; at < length; at++) hash = wrap(rotate(hash ^ wrap(BigInt(byte(text, at)) * P5), 11n) * P1);
  return hash;
}

function avalanche(value: bigint): bigint {
  let hash = wrap((value ^ (value >> 33n)) * P2);
  hash = wrap((hash ^ (hash >> 29n)) * P3);
  return hash ^ (hash >> 32n);
}

const MURMUR = 0xc6a4_a793_5bd1_e995n;
const MURMUR_SEED = 0xc70f_6907n;

/** MurmurHash2 (64 bits) as the C++ standard library has it, the older choice for ring hash. */
export function murmurHash2(text: string): bigint {
  const { length } = text;
  const mix = (value: bigint): bigint => value ^ (value >> 47n);
  let hash = MURMUR_SEED ^ wrap(BigInt(length) * MURMUR);
  let at = 0;
  for (; at + 8 <= length; at += 8) hash = wrap((hash ^ wrap(mix(wrap(long(text, at) * MURMUR)) * MURMUR)) * MURMUR);
  if (at < length) {
    let rest = 0n;
    for (let last = length - 1; last >= at; last--) rest = (rest << 8n) | BigInt(byte(text, last));
    hash = wrap((hash ^ rest) * MURMUR);
  }
  return mix(wrap(mix(hash) * MURMUR)) & MASK;
}
