import assert from 'node:assert/strict';
import { networkInterfaces } from 'node:os';
import { test } from 'node:test';
import { startDemo } from '../testkit/demo.ts';
import { get } from '../testkit/load.ts';

/** An address of this machine that is not loopback: a connection from it to itself looks like one from elsewhere. */
const outside = Object.entries(networkInterfaces())
  .flatMap(([name, addresses = []]) => (name.startsWith('mlt-') ? [] : addresses))
  .find((address) => address.family === 'IPv4' && !address.internal)?.address;

test(
  'demo --bind 0.0.0.0: reachable from elsewhere, where console and API ask for the printed token',
  {
    skip: outside === undefined && 'this machine has no address besides loopback',
  },
  async () => {
    await using demo = await startDemo(['--bind', '0.0.0.0', '--interception', 'ports', '--load', '0']);
    const from = (url: string): string => url.replace('127.0.0.1', outside ?? '');
    assert.match(demo.log(), /no TLS.*clear text/, 'the way it opens is told, and its price');
    const token = /token +(\S+)/.exec(demo.log())?.[1] ?? '';
    const namespaces = `${from(demo.urls.console)}/api/namespaces`;
    const objects = `${from(demo.urls.controlPlane)}/api/v1/namespaces`;

    assert.equal((await get(`${from(demo.urls.gateway)}/productpage`)).status, 200);
    assert.deepEqual([(await get(namespaces)).status, (await get(objects)).status], [401, 401]);
    const asked = await get(from(demo.urls.console), { accept: 'text/html' });
    assert.deepEqual([asked.status, asked.body.includes('name="token"')], [401, true]);

    const authorization = `Bearer ${token}`;
    assert.deepEqual([(await get(namespaces, { authorization })).status, (await get(objects, { authorization })).status], [200, 200]);
    assert.equal((await get(`${demo.urls.console}/api/namespaces`)).status, 200, 'on this machine reading stays open');
  },
);
