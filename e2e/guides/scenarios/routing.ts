import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { Agent } from 'node:http';
import { eventually, get } from '../../testkit/load.ts';
import { queryValue } from '../../testkit/prometheus.ts';
import { pageVersion, type GuideMesh } from '../mesh.ts';
import type { Scenario } from '../scenario.ts';

/** Callers outside, and what the link before the versions asks for each of them. */
const CALLERS = 8;
const ASKED = 40;
const CALLS_EACH = 25;

/** The share of v2 lies within 3 points of what was asked for, and nothing failed. (With 8,000 requests and 10 % that is 8.9 standard deviations.) */
async function sharesOf(mesh: GuideMesh, percent: number): Promise<void> {
  const versions: string[] = [];
  const caller = async (): Promise<void> => {
    for (let at = 0; at < ASKED; at++) {
      const { status, body } = await mesh.ask({ 'x-times': `preference=${CALLS_EACH}` });
      assert.equal(status, 200, body);
      for (const [, version = ''] of body.matchAll(/recommendation (v\d)/g)) versions.push(version);
    }
  };
  await Promise.all(Array.from({ length: CALLERS }, caller));
  assert.equal(versions.length, 8_000);
  const share = versions.filter((version) => version === 'v2').length / 80;
  assert.ok(Math.abs(share - percent) <= 3, `${share} % instead of ${percent} %`);
}

const canary: Scenario = {
  guide: 'canary',
  async run(mesh) {
    await mesh.apply('canary/all-v1.yaml');
    await mesh.apply('canary/v2-10.yaml');
    await sharesOf(mesh, 10);
    await mesh.apply('canary/v2-50.yaml');
    assert.deepEqual([...(await mesh.shares(100)).keys()].sort(), ['200 v1', '200 v2']);
    await mesh.apply('canary/all-v2.yaml');
    assert.deepEqual([...(await mesh.shares(200)).keys()], ['200 v2']);
  },
};

const abTesting: Scenario = {
  guide: 'ab-testing',
  async run(mesh) {
    await mesh.apply('ab-testing/header-and-cookie.yaml');
    const of = async (headers: Readonly<Record<string, string>>) => [...(await mesh.shares(40, headers)).keys()];
    assert.deepEqual(await of({}), ['200 v1']);
    assert.deepEqual(await of({ 'x-group': 'b' }), ['200 v2']);
    assert.deepEqual(await of({ cookie: 'theme=dark; group=b' }), ['200 v2']);
    assert.deepEqual(await of({ cookie: 'group=a' }), ['200 v1']);
  },
};

const darkLaunch: Scenario = {
  guide: 'dark-launch',
  async run(mesh) {
    await mesh.apply('dark-launch/insiders-only.yaml');
    assert.deepEqual([...(await mesh.shares(100)).keys()], ['200 v1']);
    assert.deepEqual([...(await mesh.shares(40, { 'end-user': 'insider' })).keys()], ['200 v2']);
  },
};

const MIRRORED = 'sum(istio_requests_total{reporter="destination",destination_workload="recommendation-v2"})';

const mirroring: Scenario = {
  guide: 'mirroring',
  uses: ['canary/all-v1.yaml'],
  async run(mesh) {
    await mesh.apply('canary/all-v1.yaml');
    const before = await queryValue(mesh.demo, MIRRORED);
    await mesh.apply('mirroring/mirror-to-v2.yaml');
    assert.deepEqual([...(await mesh.shares(200)).keys()], ['200 v1']);
    await eventually('v2 got a copy of each request', 10_000, async () =>
      (await queryValue(mesh.demo, MIRRORED)) - before >= 200 ? true : undefined,
    );
    // A mirror that fails is nobody's failure.
    assert.deepEqual([...(await mesh.shares(40, { 'x-break': 'v2' })).keys()], ['200 v1']);
  },
};

const blueGreen: Scenario = {
  guide: 'blue-green',
  async run(mesh) {
    await mesh.apply('blue-green/blue.yaml');
    await using load = mesh.load();
    for (let round = 0; round < 3; round++) {
      await mesh.apply('blue-green/green.yaml');
      assert.deepEqual([...(await mesh.shares(60)).keys()], ['200 v2']);
      await mesh.apply('blue-green/blue.yaml');
      assert.deepEqual([...(await mesh.shares(60)).keys()], ['200 v1']);
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
