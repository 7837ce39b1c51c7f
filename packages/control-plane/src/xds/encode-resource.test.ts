import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { loadCodec } from '@meltemi/protos';
import { messageName, TYPE_URL } from '@meltemi/protos-types';
import { createResourceEncoder } from './encode-resource.ts';

const codec = loadCodec('all');

test('large route tables and name tables say what they say when encoded as a whole, and tables that differ in one member share the other parts', () => {
  const encode = createResourceEncoder(codec);
  const host = (i: number) => ({
    name: `s${i}.ns-${i % 40}.svc.cluster.local:80`,
    domains: [`s${i}.ns-${i % 40}`],
    routes: [{ match: { prefix: '/' }, route: { cluster: `c${i}` } }],
  });
  const hosts = Array.from({ length: 300 }, (_, i) => host(i));
  const routes = { name: '80', virtual_hosts: hosts, validate_clusters: false };
  const infos = Array.from({ length: 300 }, (_, i) => ({ ips: [`10.0.0.${i % 250}`], shortname: `s${i}`, namespace: `ns-${i % 40}` }));
  const names = { table: Object.fromEntries(infos.map((info, i) => [`s${i}.ns-${i % 40}`, info])) };
  for (const [typeUrl, json, other] of [
    [TYPE_URL.route, routes, { ...routes, virtual_hosts: hosts.with(7, { ...host(7), domains: ['other'] }) }],
    [TYPE_URL.nameTable, names, { table: { ...names.table, own: infos[0] } }],
  ] as const) {
    const whole = (of: object) => codec.decode(messageName(typeUrl), codec.encode(messageName(typeUrl), of));
    const made = encode(typeUrl, json);
    const sorted = (message: object) => ({
      ...message,
      virtual_hosts: ((message as typeof routes).virtual_hosts ?? []).toSorted((a, b) => (a.name < b.name ? -1 : 1)),
    });
    assert.deepEqual(sorted(codec.decode(messageName(typeUrl), Buffer.concat(made.parts))), sorted(whole(json)));
    const again = encode(typeUrl, other);
    assert.deepEqual(sorted(codec.decode(messageName(typeUrl), Buffer.concat(again.parts))), sorted(whole(other)));
    assert.notEqual(again.version, made.version);
    assert.equal(createResourceEncoder(codec)(typeUrl, json).version, made.version, 'another replica gives the same version');
    assert.equal(again.parts.filter((part) => !made.parts.includes(part) && part.length > 100).length, 1, typeUrl);
  }
});

const hostOf = (name: string) => ({ name, domains: [name], routes: [{ match: { prefix: '/' }, route: { cluster: `c-${name}` } }] });
const tableOf = (hosts: readonly object[]) => ({ name: '80', virtual_hosts: hosts });

test('a table without its first host, and with it again, has what it should', () => {
  const encode = createResourceEncoder(codec);
  const hosts = Array.from({ length: 100 }, (_, i) => hostOf(`s${i}.ns.svc.cluster.local`));
  const namesIn = (parts: readonly Uint8Array[]): readonly string[] =>
    (
      codec.decode(messageName(TYPE_URL.route), Buffer.concat(parts)) as { readonly virtual_hosts: readonly { readonly name: string }[] }
    ).virtual_hosts.map(({ name }) => name);
  const all = encode(TYPE_URL.route, tableOf(hosts));
  const fewer = encode(TYPE_URL.route, tableOf(hosts.slice(1)));
  const again = encode(TYPE_URL.route, tableOf(hosts));
  const expected = hosts.map(({ name }) => name);
  assert.deepEqual([namesIn(all.parts), namesIn(fewer.parts), namesIn(again.parts)], [expected, expected.slice(1), expected]);
  assert.equal(again.parts[1], all.parts[1], 'the group is made once');
});

test('groups of tables that went are let go, and what they were joined of', async () => {
  const encode = createResourceEncoder(codec);
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as (options: object) => Promise<void>;
  const turn = async (from: number): Promise<number> => {
    for (let i = from; i < from + 20; i++) {
      const hosts = Array.from({ length: 200 }, (_, at) => hostOf(`turn-${i}-${at}-${'x'.repeat(400)}.ns-${at % 40}.svc.cluster.local`));
      encode(TYPE_URL.route, tableOf(hosts));
    }
    await collect({ type: 'major', execution: 'async' });
    await collect({ type: 'major', execution: 'async' });
    return process.memoryUsage().arrayBuffers;
  };
  const before = await turn(0);
  let after = before;
  for (let i = 1; i < 6; i++) after = await turn(i * 20);
  const grown = after - before;
  assert.ok(grown < 2 << 20, `${grown} bytes more after 100 tables of 250 kB`);
});
