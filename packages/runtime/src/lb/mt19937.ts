const SIZE = 624;
const SHIFT = 397;

/** Mersenne twister: bounded-load hashing walks the hosts in the order that it gives for a hash, as Envoy does. Answers 32-bit numbers. */
export function createTwister(seed: number): () => number {
  const state = new Uint32Array(SIZE);
  state[0] = seed;
  for (let at = 1; at < SIZE; at++) {
    const last = state[at - 1] as number;
    state[at] = Math.imul(1_812_433_253, last ^ (last >>> 30)) + at;
  }
  let index = SIZE;
  return () => {
    if (index >= SIZE) {
      twist(state);
      index = 0;
    }
    let value = state[index++] as number;
    value ^= value >>> 11;
    value ^= (value << 7) & 0x9d2c_5680;
    value ^= (value << 15) & 0xefc6_0000;
    return (value ^ (value >>> 18)) >>> 0;
  };
}

function twist(state: Uint32Array): void {
  for (let at = 0; at < SIZE; at++) {
    const mixed = ((state[at] as number) & 0x8000_0000) | ((state[(at + 1) % SIZE] as number) & 0x7fff_ffff);
    state[at] = (state[(at + SHIFT) % SIZE] as number) ^ (mixed >>> 1) ^ (mixed & 1 ? 0x9908_b0df : 0);
  }
}
