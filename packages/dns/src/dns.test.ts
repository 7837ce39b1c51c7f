import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { promises as dns } from 'node:dns';
import { once } from 'node:events';
import { createConnection } from 'node:net';
import { test } from 'node:test';
import { silentLog } from '@meltemi/base';
import * as dnsPacket from 'dns-packet';
import fc from 'fast-check';
import { decodeQuery, encodeAnswer } from './codec.ts';
import { createForwarder, indexNames, startDnsServer, type Forwarder } from './index.ts';

const clock = { now: () => Date.now(), monotonic: () => performance.now() };
const table = {
  table: {
    'reviews.bookinfo.svc.cluster.local': { ips: ['240.240.0.7'], registry: 'Kubernetes', shortname: 'reviews', namespace: 'bookinfo' },
    'other.shop.svc.cluster.local': { ips: ['240.240.0.8'], registry: 'Kubernetes', shortname: 'other', namespace: 'shop' },
    '*.wild.example': { ips: ['240.240.0.9'] },
    'many.example': { ips: Array.from({ length: 100 }, (_, i) => `10.0.0.${i}`) },
    'six.example': { ips: ['2001:db8::1', '10.9.9.9'] },
  },
};
const refusing: Forwarder = { forward: () => Promise.reject(new Error('no')) };

async function serve(forwarder: Forwarder, extra: { maxQuestionsPerSecond?: number } = {}) {
  const server = await startDnsServer({
    address: '127.0.0.1',
    port: 0,
    names: indexNames(table, 'bookinfo'),
    forwarder,
    clock,
    log: silentLog,
    ...extra,
  });
  const resolver = new dns.Resolver({ timeout: 2000, tries: 1 });
  resolver.setServers([`127.0.0.1:${server.port}`]);
  return { server, resolver };
}

test("mesh names in every form, A and AAAA, as Node's own resolver sees them", async () => {
  const { server, resolver } = await serve(refusing);
  await using _ = server;
  for (const name of ['reviews', 'REVIEWS.bookinfo', 'reviews.bookinfo.svc', 'reviews.bookinfo.svc.cluster.local'])
    assert.deepEqual(await resolver.resolve4(name), ['240.240.0.7'], name);
  assert.deepEqual(await resolver.resolve4('other.shop'), ['240.240.0.8']);
  await assert.rejects(resolver.resolve4('other'), { code: 'ESERVFAIL' });
  assert.deepEqual(await resolver.resolve4('a.b.wild.example'), ['240.240.0.9']);
  await assert.rejects(resolver.resolve6('reviews'), { code: 'ENODATA' });
  await assert.rejects(resolver.resolveTxt('reviews'), { code: 'ENODATA' });
  assert.deepEqual(await resolver.resolve6('six.example'), ['2001:db8::1']);
  assert.equal((await resolver.resolve4('many.example')).length, 100); // truncated over UDP, whole over TCP
  server.setNames(indexNames({}, 'bookinfo'));
  await assert.rejects(resolver.resolve4('reviews'), { code: 'ESERVFAIL' });
});

test('an answer that comes back when the server has closed is dropped, and breaks nothing', async () => {
  const asked = Promise.withResolvers<void>();
  const late = Promise.withResolvers<Uint8Array>();
  const forward = (): Promise<Uint8Array> => (asked.resolve(), late.promise);
  const { server, resolver } = await serve({ forward });
  const question = assert.rejects(resolver.resolve4('example.org'));
  await asked.promise;
  await server.close();
  late.resolve(Uint8Array.of(0));
  // An error here would be a rejection that nobody handles: it ends the process, and fails this test.
  await new Promise((resolve) => setImmediate(resolve));
  resolver.cancel();
  await question;
});

test('everything else goes to the resolvers of the host, the second when the first is silent', async () => {
  const upstream = await startDnsServer({
    address: '127.0.0.1',
    port: 0,
    names: indexNames({ table: { 'example.org': { ips: ['192.0.2.1'] }, 'many.example': table.table['many.example'] } }, ''),
    forwarder: refusing,
    clock,
    log: silentLog,
  });
  const silent = createSocket('udp4').bind(0, '127.0.0.1');
  await once(silent, 'listening');
  const { server, resolver } = await serve(
    createForwarder({ nameservers: [`127.0.0.1#${silent.address().port}`, `127.0.0.1#${upstream.port}`], timeoutMs: 100 }),
  );
  try {
    assert.deepEqual(await resolver.resolve4('example.org'), ['192.0.2.1']);
    assert.deepEqual({ ...server.stats }, { answered: 0, forwarded: 1, failed: 0, refused: 0 });
    await assert.rejects(createForwarder({ nameservers: [] }).forward(new Uint8Array(12), 'udp'), { code: 'dns/forward-failed' });
  } finally {
    silent.close();
    await Promise.all([server.close(), upstream.close()]);
  }
});

test('hostile packets get a bare refusal or silence, and never an exception', async () => {
  const valid = dnsPacket.encode({
    type: 'query',
    id: 7,
    questions: [{ type: 'A', name: 'reviews' }],
    additionals: [{ type: 'OPT', name: '.', udpPayloadSize: 4096, extendedRcode: 0, ednsVersion: 0, flags: 0, flag_do: false, options: [] }],
  });
  const mutated = fc.array(fc.tuple(fc.nat(valid.length - 1), fc.nat(255)), { maxLength: 6 }).map((edits) => {
    const out = Buffer.from(valid);
    for (const [at, value] of edits) out[at] = value;
    return out;
  });
  fc.assert(
    fc.property(fc.oneof(mutated, fc.uint8Array({ maxLength: 200 })), (bytes) => {
      const received = decodeQuery(bytes);
      if (received.t === 'query') assert.ok(encodeAnswer(received.query, ['10.0.0.1'], 1).length > 0 && received.query.udpBytes <= 1232);
    }),
    { numRuns: 5000 },
  );
  const { server, resolver } = await serve(refusing);
  await using _ = server;
  const socket = createSocket('udp4');
  for (const junk of [
    Buffer.alloc(0),
    Buffer.alloc(3),
    Buffer.alloc(600, 255),
    Buffer.from('0007818000010001', 'hex'),
    Buffer.concat([Buffer.from('000701000001000000000000', 'hex'), Buffer.from([0xc0, 0x0c])]),
  ])
    socket.send(junk, server.port, '127.0.0.1');
  const tcp = createConnection(server.port, '127.0.0.1');
  tcp.on('error', () => {});
  tcp.write(Buffer.from([255, 255, 1]));
  await once(tcp, 'close');
  assert.deepEqual(await resolver.resolve4('reviews'), ['240.240.0.7']);
  socket.close();
});

test('the rate is limited, and TCP questions sent at once are answered in order', async () => {
  const { server, resolver } = await serve(refusing);
  const ask = (id: number): Buffer =>
    dnsPacket.streamEncode({ type: 'query', id, questions: [{ type: 'A', name: id % 2 === 0 ? 'reviews' : 'unknown' }] });
  const tcp = createConnection(server.port, '127.0.0.1');
  tcp.write(Buffer.concat([ask(1), ask(2), ask(3)]));
  const ids: number[] = [];
  let rest = Buffer.alloc(0);
  for await (const chunk of tcp) {
    rest = Buffer.concat([rest, chunk as Buffer]);
    while (rest.length >= 2 && rest.length >= rest.readUInt16BE(0) + 2) {
      ids.push(rest.readUInt16BE(2));
      rest = rest.subarray(rest.readUInt16BE(0) + 2);
    }
    if (ids.length === 3) break;
  }
  assert.deepEqual(ids, [1, 2, 3]);
  assert.deepEqual(await resolver.resolve4('reviews'), ['240.240.0.7']);
  await server.close();
  const slow = await serve(refusing, { maxQuestionsPerSecond: 1 });
  const impatient = new dns.Resolver({ timeout: 100, tries: 1 });
  impatient.setServers([`127.0.0.1:${slow.server.port}`]);
  const results = await Promise.allSettled([impatient.resolve4('reviews'), impatient.resolve4('other.shop')]);
  assert.ok(slow.server.stats.refused >= 1 && results.some((result) => result.status === 'fulfilled'));
  await slow.server.close();
});
