import assert from 'node:assert/strict';
import { test } from 'node:test';
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
