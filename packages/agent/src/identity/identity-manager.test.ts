import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MeshError } from '@meltemi/base';
import { createRoot, generateSigningKey, issueSvid, pemEncode, type SpiffeId, verifyCsr } from '@meltemi/pki';
import { createManualPlatform } from '../testing/manual-platform.ts';
import { type IdentityOptions, startIdentityManager } from './identity-manager.ts';

const NOW = Date.UTC(2026, 10, 21);
const HOUR = 3_600_000;
const ID: SpiffeId = { trustDomain: 'cluster.local', namespace: 'bookinfo', serviceAccount: 'bookinfo-reviews' };

/** A manager with manual time, and an authority that answers as `answer` says about the n-th request. */
async function setup(
  more: Partial<IdentityOptions> & { readonly answer?: (n: number) => void; readonly as?: SpiffeId; readonly random?: number } = {},
) {
  const time = createManualPlatform(NOW, more.random);
  const { clock } = time.platform;
  const key = await generateSigningKey(crypto);
  const certificate = await createRoot(crypto, { commonName: 'test', trustDomain: ID.trustDomain, key, nowMs: NOW - 10 * HOUR, ttlMs: 1000 * HOUR });
  const proofs: string[] = [];
  const failures: string[] = [];
  const manager = startIdentityManager({
    id: ID,
    token: 'first',
    platform: time.platform,
    onFailure: (message) => failures.push(message),
    async requestCertificate(csr, proof) {
      proofs.push(proof.t === 'token' ? `token ${proof.token}` : 'certificate');
      more.answer?.(proofs.length);
      const { spki } = await verifyCsr(crypto, csr);
      const leaf = await issueSvid(crypto, { certificate, key }, { spki, id: more.as ?? ID, nowMs: clock.now(), ttlMs: HOUR });
      return [pemEncode('CERTIFICATE', leaf.der), pemEncode('CERTIFICATE', certificate.der)];
    },
    ...more,
  });
  return { manager, time, proofs, failures };
}

/** Lets timers run out until there is another request; how long that took. */
async function untilAsked({ time, proofs }: Pick<Awaited<ReturnType<typeof setup>>, 'time' | 'proofs'>): Promise<number> {
  const asked = proofs.length;
  let waitedMs = 0;
  while (proofs.length === asked) {
    waitedMs += await time.armed();
    time.fire();
    await time.armed();
  }
  return waitedMs;
}

const away = (): never => {
  throw new MeshError('grpc/unavailable', 'nobody is there');
};

test('renewed at half of what is left, a tenth more or less by chance, with the certificate as proof and a new key', async () => {
  for (const [random, delayMs] of [
    [0, 0.45 * HOUR],
    [0.5, 0.5 * HOUR],
    [1, 0.55 * HOUR],
  ] as const) {
    const { manager, time, proofs } = await setup({ random });
    const told: string[] = [];
    manager.onChange((identity) => told.push(identity.serial));
    const first = await manager.first;
    assert.equal(manager.current(), first);
    assert.ok(Math.abs((await untilAsked({ time, proofs })) - delayMs) < 1);
    const second = manager.current();
    assert.deepEqual(proofs, ['token first', 'certificate']);
    assert.deepEqual(told, [first.serial, second?.serial]);
    assert.notEqual(second?.privateKey, first.privateKey);
    assert.equal(second?.notAfterMs, NOW + delayMs + HOUR);
    manager.close();
  }
});

test('while the authority is away the last certificate stays, attempts follow with back-off; once it has expired, a new token is asked for', async () => {
  let isAway = false;
  const { manager, time, proofs, failures } = await setup({
    answer: () => isAway && away(),
    newToken: () => Promise.resolve('second'),
  });
  const first = await manager.first;
  isAway = true;
  await untilAsked({ time, proofs });
  const delays = [await time.armed()];
  while (delays.length < 8) {
    time.fire();
    delays.push(await time.armed());
  }
  assert.deepEqual(delays, [750, 1500, 3000, 6000, 12_000, 24_000, 45_000, 45_000]);
  assert.deepEqual([manager.current(), manager.failures, failures.length], [first, 8, 8]);
  assert.ok(proofs.slice(1).every((proof) => proof === 'certificate'));
  time.pass(HOUR);
  isAway = false;
  time.fire();
  await time.armed();
  assert.equal(proofs.at(-1), 'token second');
  assert.notEqual(manager.current(), first);
  assert.equal(manager.failures, 0);
  manager.close();
});

test('a clock that was set, or stood still while the machine slept, leaves nobody with a certificate that nobody takes', async () => {
  for (const movedMs of [30 * HOUR, -HOUR]) {
    const { manager, time, proofs } = await setup({ newToken: () => Promise.resolve('second') });
    const first = await manager.first;
    await time.armed();
    time.pass(movedMs);
    assert.ok((await untilAsked({ time, proofs })) <= 10_000, 'asked soon, not at half of what was left');
    assert.deepEqual([proofs, manager.failures], [['token first', 'token second'], 0], 'what is not valid proves nothing');
    assert.notEqual(manager.current(), first);
    manager.close();
  }
});

test('a refused token ends a workload that cannot get another; with another it goes on; certificates for others are not taken', async () => {
  const refuse = (): never => {
    throw new MeshError('grpc/unauthenticated', 'the token was used');
  };
  const alone = await setup({ answer: refuse });
  await assert.rejects(alone.manager.first, { code: 'identity/refused', message: /the token was used/ });

  const helped = await setup({ answer: (n) => n === 1 && refuse(), newToken: () => Promise.resolve('second') });
  await helped.time.armed();
  helped.time.fire();
  await helped.manager.first;
  assert.deepEqual(helped.proofs, ['token first', 'token second']);
  helped.manager.close();

  const stranger = await setup({ as: { ...ID, serviceAccount: 'bookinfo-ratings' } });
  await stranger.time.armed();
  assert.match(stranger.failures[0] ?? '', /another identity/);
  assert.equal(stranger.manager.current(), undefined);
  stranger.manager.close();
});
