import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { Agent } from 'node:http';
import { eventually, get } from '../../testkit/load.ts';
import { queryValue } from '../../testkit/prometheus.ts';
import { pageVersion, type GuideMesh } from '../mesh.ts';
import type { Scenario } from '../scenario.ts';
import { ALL, answersOf, assertAll, assertShare, assertV2Gets, FEWER } from '../shares.ts';

const canary: Scenario = {
  guide: 'canary',
  async run(mesh) {
    await mesh.apply('canary/all-v1.yaml');
    await assertAll(mesh, 'v1');
    await mesh.apply('canary/v2-10.yaml');
    await assertV2Gets(mesh, 10);
    await mesh.apply('canary/v2-50.yaml');
    await assertV2Gets(mesh, 50, FEWER);
    await mesh.apply('canary/all-v2.yaml');
    await assertAll(mesh, 'v2');
  },
};

const abTesting: Scenario = {
  guide: 'ab-testing',
  async run(mesh) {
    await mesh.apply('ab-testing/header-and-cookie.yaml');
    await assertAll(mesh, 'v1');
    await assertAll(mesh, 'v2', { headers: { 'x-group': 'b' } });
    await assertAll(mesh, 'v2', { headers: { cookie: 'theme=dark; group=b' } });
    await assertAll(mesh, 'v1', { headers: { cookie: 'group=a' } });
  },
};

const darkLaunch: Scenario = {
  guide: 'dark-launch',
  async run(mesh) {
    await mesh.apply('dark-launch/insiders-only.yaml');
    await assertAll(mesh, 'v1');
    await assertAll(mesh, 'v2', { headers: { 'end-user': 'insider' } });
  },
};

const MIRRORED = 'sum(istio_requests_total{reporter="destination",destination_workload="recommendation-v2"})';

const mirroring: Scenario = {
  guide: 'mirroring',
  async run(mesh) {
    const ask = async (run: string, count: number): Promise<void> =>
      assert.deepEqual([...(await answersOf(mesh, count, { headers: { 'x-run': run } }))], [['v1', count]]);
    await mesh.apply('mirroring/mirror-a-quarter.yaml');
    await ask('quarter', FEWER);
    await mesh.apply('mirroring/mirror-to-v2.yaml');
    await ask('all', ALL);
    // Copies are nobody's answer: the last ones come when they come.
    const runs = await eventually('v2 got a copy of each request', 10_000, async () => {
      const seen = await mesh.runs('recommendation', 'v2');
      return (seen['all'] ?? 0) >= ALL ? seen : undefined;
    });
    assert.equal(runs['all'], ALL);
    assertShare(runs['quarter'] ?? 0, FEWER, 25);
    // What the server has counted is what the mesh tells of it, and no more.
    const seen = Object.values(await mesh.runs('recommendation', 'v2')).reduce((sum, count) => sum + count, 0);
    await eventually(`the mesh tells of ${seen} requests at v2`, 10_000, async () =>
      (await queryValue(mesh.demo, MIRRORED)) === seen ? true : undefined,
    );
    // A mirror that fails is nobody's failure.
    await assertAll(mesh, 'v1', { headers: { 'x-break': 'v2' } });
  },
};

const blueGreen: Scenario = {
  guide: 'blue-green',
  async run(mesh) {
    await mesh.apply('blue-green/blue.yaml');
    await using load = mesh.load();
    for (let round = 0; round < 3; round++) {
      await mesh.apply('blue-green/green.yaml');
      await assertAll(mesh, 'v2');
      await mesh.apply('blue-green/blue.yaml');
      await assertAll(mesh, 'v1');
    }
    const { sent, failures } = await load.stop();
    assert.deepEqual(failures, []);
    assert.ok(sent > 100, `${sent} requests`);
  },
};

const oneCustomer: Scenario = {
  guide: 'one-customer',
  async run(mesh) {
    const pageOf = async (user: string): Promise<string> => {
      const reply = await get(`${mesh.demo.urls.gateway}/productpage`, user === '' ? {} : { 'end-user': user });
      assert.equal(reply.status, 200, reply.body.slice(0, 300));
      return pageVersion(reply);
    };
    await mesh.apply('one-customer/productpage-v2-for-foo.yaml');
    for (const user of ['anna@foo.example', 'ben@foo.example', 'c.d@foo.example']) assert.equal(await pageOf(user), 'v2', user);
    for (const user of ['', 'anna@bar.example', '@foo.example', 'anna@foo.example.org', 'anna@fooXexample'])
      assert.equal(await pageOf(user), 'v1', user);
    await byClaim(mesh);
  },
};

const TOKENS = new URL('../../../samples/guides/one-customer/', import.meta.url);

/** The same by what a token says; what the caller says of himself counts no more. */
async function byClaim(mesh: GuideMesh): Promise<void> {
  await mesh.apply('one-customer/by-claim.yaml');
  // Connections from before the change end as they began: without a look at tokens.
  const agent = new Agent({ keepAlive: false });
  const ask = (headers: Readonly<Record<string, string>>) => get(`${mesh.demo.urls.gateway}/productpage`, headers, agent);
  const [anna = '', ben = ''] = ['anna', 'ben'].map((name) => `Bearer ${readFileSync(new URL(`${name}.jwt`, TOKENS), 'utf8').trim()}`);
  const page = async (headers: Readonly<Record<string, string>>): Promise<string> => pageVersion(await ask(headers));
  assert.equal(await page({ authorization: anna }), 'v2');
  assert.equal(await page({ authorization: ben }), 'v1');
  assert.equal(await page({}), 'v1');
  assert.equal(await page({ 'end-user': 'anna@foo.example' }), 'v1');
  // The signature of another token under what Anna's says, and what Ben's says over her signature.
  const [head, claims, signature] = anna.split('.');
  const [, others, foreign] = ben.split('.');
  for (const forged of [`${head}.${claims}.${foreign}`, `${head}.${others}.${signature}`]) {
    const { status, body } = await ask({ authorization: forged });
    assert.equal(status, 401, body.slice(0, 300));
  }
}

export const scenarios: readonly Scenario[] = [canary, abTesting, darkLaunch, mirroring, blueGreen, oneCustomer];
