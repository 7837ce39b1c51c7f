import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { MeshError } from '@meltemi/base';
import { TYPE_URL } from '@meltemi/protos-types';
import fc from 'fast-check';
import { createSharedResource, decodeDeltaResponse, encodeDeltaResponse, type Resource } from './index.ts';
import { applyPatch, patched } from './patch.ts';

const { route: RDS } = TYPE_URL;
const part = (size: number, fill: number): Uint8Array => new Uint8Array(size).fill(fill);
const PARTS = [part(5_000, 1), part(6_000, 2), part(7_000, 3), part(8_000, 4), part(100, 5)];
let versions = 0;
const resourceOf = (parts: readonly Uint8Array[]): Resource => createSharedResource(RDS, { name: 'r', version: `v${versions++}`, parts });

/** As the client reads it, and the bytes of the whole response. */
function sent(resource: Resource): { readonly read: Resource; readonly bytes: number } {
  const message = Buffer.concat(encodeDeltaResponse({ typeUrl: RDS, nonce: '1', systemVersion: '', resources: [resource], removed: [] }));
  const [read] = decodeDeltaResponse(message).resources;
  assert.ok(read !== undefined);
  return { read, bytes: message.length };
}

test('a patch makes of the older content the newer one, whatever parts they have', () => {
  // Numbers: of parts that both may have, or of parts of their own.
  const parts = fc.array(fc.nat({ max: PARTS.length + 3 }), { maxLength: 8 });
  const made = (numbers: readonly number[]): Resource => resourceOf(numbers.map((number) => PARTS[number] ?? part(number * 500 - 2_495, number)));
  let patches = 0;
  fc.assert(
    fc.property(parts, parts, (before, after) => {
      const [base, next] = [made(before), made(after)];
      const { read, bytes } = sent(patched(RDS, next, base));
      assert.deepEqual([read.name, read.version], [next.name, next.version]);
      if (read.isPatch === undefined) return assert.ok(Buffer.from(read.bytes).equals(next.bytes));
      patches++;
      assert.ok(bytes <= next.bytes.length, 'no patch is larger than the resource');
      const whole = applyPatch(read.bytes, (version) => (version === base.version ? base.bytes : undefined));
      assert.ok(Buffer.from(whole ?? []).equals(next.bytes));
      assert.equal(
        applyPatch(read.bytes, () => undefined),
        undefined,
      );
    }),
    { numRuns: 500 },
  );
  assert.ok(patches > 20, `${patches} patches`);
});

test('one changed byte of a large resource costs as little as it is; the patch is made once for all', () => {
  const changed = part(7_000, 3);
  changed[3_500] = 0;
  const [a, b, , d] = PARTS as [Uint8Array, Uint8Array, Uint8Array, Uint8Array];
  const base = resourceOf(PARTS);
  const next = resourceOf([a, b, changed, d]);
  const patch = patched(RDS, next, base);
  assert.ok(sent(patch).bytes < 200);
  assert.equal(patched(RDS, next, base), patch);
  assert.ok(Buffer.from(applyPatch(sent(patch).read.bytes, () => base.bytes) ?? []).equals(next.bytes));
  // One part, as most resources are.
  const [whole, other] = [resourceOf([part(5_000, 1)]), resourceOf([part(5_001, 1)])];
  assert.ok(sent(patched(RDS, other, whole)).bytes < 200);
});

test('of a part in which a piece was replaced the patch makes the new one, wherever the piece begins and ends', () => {
  // Two values only, so that what stays and what came begin and end alike; neither part begins at a word of its memory.
  const bytes = (min: number, max: number): fc.Arbitrary<number[]> => fc.array(fc.constantFrom(0, 1), { minLength: min, maxLength: max });
  const unaligned = (values: readonly number[], by: number): Uint8Array => Uint8Array.of(...Array<number>(by).fill(9), ...values).subarray(by);
  fc.assert(
    fc.property(bytes(2_060, 2_080), bytes(0, 9), fc.nat({ max: 2_060 }), fc.nat({ max: 9 }), fc.nat({ max: 7 }), (old, piece, at, gone, by) => {
      const [whole, other] = [PARTS[0] ?? part(1, 1), PARTS[1] ?? part(1, 1)];
      const base = resourceOf([whole, unaligned(old, by), other]);
      const next = resourceOf([whole, unaligned(old.toSpliced(at, gone, ...piece), 7 - by), other]);
      const { read, bytes: size } = sent(patched(RDS, next, base));
      assert.equal(read.isPatch, true);
      assert.ok(size < 200, `${size} bytes`);
      assert.ok(Buffer.from(applyPatch(read.bytes, () => base.bytes) ?? []).equals(next.bytes));
    }),
    { numRuns: 300 },
  );
});

test('of two parts that were compared each can go while the other stays', async () => {
  const held: Uint8Array[] = [];
  const compared = (): readonly WeakRef<Uint8Array>[] => {
    const pairs = [0, 1].map(() => [part(30_000, 1), part(30_000, 1).fill(2, 15_000, 15_001)] as const);
    for (const [old, young] of pairs) patched(RDS, resourceOf([part(20_000, 3), young]), resourceOf([part(20_000, 4), old]));
    const [[old, partner], [other, young]] = pairs as unknown as readonly [readonly [Uint8Array, Uint8Array], readonly [Uint8Array, Uint8Array]];
    held.push(old, young);
    return [new WeakRef(partner), new WeakRef(other)];
  };
  const partners = compared();
  await new Promise((resolve) => setImmediate(resolve));
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  for (const partner of partners) assert.equal(partner.deref(), undefined);
  assert.equal(held.length, 2);
});

test('what is small, or of another origin, or nearly all different, is sent as it is', () => {
  const small = resourceOf([part(500, 1)]);
  assert.equal(patched(RDS, small, resourceOf([part(501, 1)])), small);
  const next = resourceOf([part(5_000, 1)]);
  assert.equal(patched(RDS, next, { name: 'r', version: 'x', bytes: part(5_001, 1) }), next);
  assert.equal(patched(RDS, next, resourceOf([part(5_001, 2)])), next);
  assert.equal(patched(RDS, next, undefined), next);
});

test('a patch that does not fit is refused, and none makes more than it is made of', () => {
  const pieces = (...bytes: number[]): Uint8Array => Uint8Array.of(...bytes);
  const base = (): Uint8Array => part(10, 7);
  const refused = (error: unknown): boolean => error instanceof MeshError && error.code === 'protobuf/malformed';
  assert.throws(() => applyPatch(pieces(18, 4, 8, 5, 16, 6), base), refused);
  const repeated = Array.from({ length: 20 }, () => [18, 4, 8, 0, 16, 10]).flat();
  assert.doesNotThrow(() => applyPatch(pieces(...repeated.slice(0, 12)), base));
  assert.throws(() => applyPatch(pieces(...Array.from({ length: 20 }, () => repeated).flat()), base), refused);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      try {
        applyPatch(bytes, base);
      } catch (error) {
        assert.ok(refused(error), String(error));
      }
    }),
  );
});
