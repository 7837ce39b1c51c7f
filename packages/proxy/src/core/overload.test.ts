import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, test } from 'node:test';
import { createRuntimeState, decodeCluster, decodeListener, type Decoded } from '@meltemi/runtime';
import { createDataPlane } from '../data-plane.ts';
import { limitsOf } from '../main/limits.ts';
import { systemClock, systemTimers } from '../main/ports.ts';
import { cluster, hcm, plainListener, routeTo, tcpProxy } from '../testing/build.ts';
import { until } from '../testing/harness.ts';
import { flagsOf, rawCall, rawClient, startRawServer } from '../testing/plane.ts';
import type { StreamInfo } from '../types.ts';
import { Overload } from './overload.ts';

const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';
const app = await startRawServer((socket) => socket.on('data', () => void socket.write(OK)).on('end', () => socket.end()));
const must = <T>(decoded: Decoded<T>): T => {
  assert.ok(decoded.ok);
  return decoded.value;
};
const limit = (statPrefix: string, max: number, delay = '0s'): object => ({
  name: 'envoy.filters.network.connection_limit',
  typed_config: {
    '@type': 'type.googleapis.com/envoy.extensions.filters.network.connection_limit.v3.ConnectionLimit',
    stat_prefix: statPrefix,
    max_connections: max,
    delay,
  },
});
const limited = plainListener('limited', tcpProxy('app'), { filter_chains: [{ filters: [limit('few', 2, '0.1s'), tcpProxy('app')] }] });

let used = 0;
let lagMs = 0;
const streams: StreamInfo[] = [];
const state = createRuntimeState(Math.random);
const runtime = {
  'overload.max_loop_lag_ms': '200',
  'overload.global_downstream_max_connections': '5',
  'envoy.resource_limits.listener.small.connection_limit': '2',
};
const dataPlane = createDataPlane(
  state,
  {
    clock: systemClock,
    timers: systemTimers,
    random: { next: Math.random },
    log: { debug() {}, info() {}, warn() {}, error() {} },
    streams: { onTcpOpen() {}, onStreamEnd: (info) => void streams.push(info) },
    accessLog: { write() {} },
  },
  {
    overload: new Overload(limitsOf(runtime), {
      memory: () => used,
      lag: {
        touch() {},
        get ms() {
          return lagMs;
        },
      },
      random: () => 0.5,
    }),
  },
);
after(async () => {
  await dataPlane.close();
  await app[Symbol.asyncDispose]();
});
await dataPlane.apply(
  state.apply({
    clusters: [must(decodeCluster(cluster('app', [app.port])))],
    listeners: [
      plainListener('small', tcpProxy('app')),
      plainListener('http', hcm([routeTo('app')])),
      plainListener('exempt', tcpProxy('app'), { ignore_global_conn_limit: true }),
      limited,
    ].map((listener) => must(decodeListener(listener))),
  }),
);
const port = (name: string): number => Number(/\d+$/.exec(dataPlane.listeners().find((item) => item.name === name)?.addresses[0] ?? '')?.[0]);
const counted = (pattern: RegExp): number =>
  dataPlane
    .stats()
    .flatMap((scope) => [...JSON.stringify(scope).matchAll(pattern)])
    .reduce((sum, [, value]) => sum + Number(value ?? 0), 0);

/** Connects, and tells whether the connection stays. */
async function taken(name: string): Promise<{ stays: boolean; tookMs: number; end(): Promise<void> }> {
  const begun = performance.now();
  const socket = connect(port(name), '127.0.0.1');
  const closed = new Promise<'closed'>((resolve) => socket.on('error', () => {}).on('close', () => resolve('closed')));
  const answered = new Promise<'answered'>((resolve) => socket.on('data', () => resolve('answered')));
  socket.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
  const stays = (await Promise.race([closed, answered])) === 'answered';
  return { stays, tookMs: performance.now() - begun, end: () => (socket.destroy(), closed.then(() => undefined)) };
}

test('limits of one listener and of all; what is exempt counts and is taken; places are given back', async () => {
  const open = [await taken('small'), await taken('small')];
  assert.deepEqual(
    [...open, await taken('small')].map(({ stays }) => stays),
    [true, true, false],
  );
  for (let at = 0; at < 3; at++) open.push(await taken('http'));
  assert.equal((await taken('http')).stays, false);
  const exempt = await taken('exempt');
  assert.ok(exempt.stays);
  for (const one of [...open, exempt]) await one.end();
  await until('places', async () => {
    const one = await taken('small');
    await one.end();
    return one.stays || undefined;
  });
});

test('clients that send their heads in drops, or nothing, are closed in time; others are served meanwhile', async () => {
  const options = { request_headers_timeout: '0.3s', common_http_protocol_options: { idle_timeout: '0.3s' } };
  const unlimited = { ignore_global_conn_limit: true };
  await dataPlane.apply(state.apply({ listeners: [must(decodeListener(plainListener('patient', hcm([routeTo('app')], options), unlimited)))] }));
  const begun = performance.now();
  const slow = await Promise.all(Array.from({ length: 100 }, () => rawClient(port('patient'))));
  const drops = setInterval(() => {
    for (const client of slow.slice(0, 60)) if (client.socket.writable) client.socket.write('G');
  }, 50);
  const asked = await Promise.all(
    Array.from({ length: 20 }, () => rawCall(port('patient'), 'GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n')),
  );
  assert.ok(asked.every((text) => text.startsWith('HTTP/1.1 200')));
  const texts = await Promise.all(slow.map(({ closed }) => closed));
  clearInterval(drops);
  assert.ok(performance.now() - begun < 2_500);
  assert.equal(texts.filter((text) => text.startsWith('HTTP/1.1 408 ')).length, 60);
  for (const { socket } of slow) socket.destroy();
  await until('all gone', () => dataPlane.listeners().every(({ connections }) => connections === 0) || undefined);
});

test('the filter connection_limit: closed after its delay', async () => {
  const open = [await taken('limited'), await taken('limited')];
  const over = await taken('limited');
  assert.deepEqual(
    [...open, over].map(({ stays }) => stays),
    [true, true, false],
  );
  assert.ok(over.tookMs >= 90);
  await open[0]?.end();
  await until('a place', async () => {
    const one = await taken('limited');
    await one.end();
    return one.stays || undefined;
  });
  await open[1]?.end();
  assert.ok(counted(/limited_connections"[^0-9]*(\d+)/g) >= 1);
});

test('short of memory: requests are shed with flag OM, then connections are not taken, and all comes back', async () => {
  const kept = await rawClient(port('http'));
  used = 0.96;
  await until('a look at the memory', async () => {
    const text = await rawCall(port('http'), 'GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n');
    return text.startsWith('HTTP/1.1 503 ') && text.endsWith('envoy overloaded') ? true : undefined;
  });
  const shed = streams.filter((info) => info.responseCodeDetails === 'overload');
  assert.ok(shed.length > 0);
  assert.ok(shed.every((info) => flagsOf(info) === 'OM'));
  assert.deepEqual([counted(/shed_requests\.memory":(\d+)/g), counted(/shed_requests\.lag":(\d+)/g)], [shed.length, 0]);
  used = 0.99;
  await until('no more connections', async () => ((await taken('http')).stays ? undefined : true));
  assert.ok(counted(/rejected_connections\.memory":(\d+)/g) > 0);
  assert.equal(counted(/rejected_connections\.lag":(\d+)/g), 0);
  used = 0.5;
  await until('served again', async () => {
    const one = await taken('http');
    await one.end();
    return one.stays || undefined;
  });
  kept.socket.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
  await kept.sees(/ok$/);
  kept.socket.destroy();
});

test('late with its work: requests are shed with flag OM and counted, and all comes back', async () => {
  const ask = (): Promise<string> => rawCall(port('http'), 'GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n');
  const before = counted(/downstream_rq_overload_close":(\d+)/g);
  lagMs = 350;
  const text = await until('a look', async () => {
    const answer = await ask();
    return answer.startsWith('HTTP/1.1 503 ') ? answer : undefined;
  });
  assert.match(text, /envoy overloaded$/);
  const { lag, shedShare, refusesConnections } = dataPlane.activity.overload;
  assert.deepEqual([lag, shedShare, refusesConnections], [0.875, 0.75, false]);
  assert.ok(counted(/shed_requests\.lag":(\d+)/g) > 0);
  lagMs = 400;
  await until('no more connections', async () => ((await taken('http')).stays ? undefined : true));
  assert.ok(counted(/rejected_connections\.lag":(\d+)/g) > 0);
  lagMs = 0;
  await until('served again', async () => ((await ask()).startsWith('HTTP/1.1 200 ') ? true : undefined));
  assert.equal(streams.at(-1)?.responseCode, 200);
  assert.ok(counted(/downstream_rq_overload_close":(\d+)/g) > before);
});
