import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CompiledChain, CompiledListener, RuntimeChange } from '@meltemi/runtime';
import { cluster, hcm, meshInbound, plainListener, routeTo, tcpProxy } from '../testing/build.ts';
import { createFakeTime } from '../testing/fake-time.ts';
import { rawClient, startPlane, startRawServer } from '../testing/plane.ts';
import { RETIRE_MS, retireConnections } from './retire.ts';
import { TimerWheel } from './timer-wheel.ts';
import type { Connection } from './worker.ts';

test('a stricter listener ends the connections of before with their next response; unchanged chains and other listeners keep theirs', async () => {
  const app = await startRawServer((socket) => socket.on('data', () => void socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok')));
  const inbound = (permissive: boolean): object => meshInbound('in', hcm([routeTo('app')]), 'http', permissive);
  const plane = await startPlane({
    clusters: [cluster('app', [app.port])],
    listeners: [inbound(true), plainListener('other', hcm([routeTo('app')])), plainListener('tcp', tcpProxy('app'))],
  });
  try {
    const [plain, idle, other, tcp] = [
      await rawClient(plane.port('in')),
      await rawClient(plane.port('in')),
      await rawClient(plane.port('other')),
      await rawClient(plane.port('tcp')),
    ];
    const ask = async (client: typeof plain, times: number): Promise<string> => {
      client.socket.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
      return client.sees(new RegExp(`^(?:[^]*?\\r\\n\\r\\nok){${times}}$`));
    };
    for (const client of [plain, idle, other, tcp]) assert.doesNotMatch(await ask(client, 1), /connection: close/);
    await plane.apply({ listeners: [inbound(true)] });
    assert.doesNotMatch(await ask(plain, 2), /connection: close/, 'the same chain again');
    await plane.apply({ listeners: [inbound(false)], removed: { listeners: ['tcp'] } });
    assert.match(await ask(plain, 3), /connection: close/);
    await plain.closed;
    assert.equal(idle.socket.readableEnded, false, 'an idle client may be sending just now');
    assert.match(await ask(idle, 2), /connection: close/);
    await idle.closed;
    assert.doesNotMatch(await ask(other, 2), /connection: close/);
    await ask(tcp, 2);
    const late = await rawClient(plane.port('in'));
    late.socket.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
    assert.equal(await late.closed, '', 'a new plain connection is refused');
    for (const { socket } of [plain, idle, other, tcp, late]) socket.destroy();
  } finally {
    await plane[Symbol.asyncDispose]();
    await app[Symbol.asyncDispose]();
  }
});

test('what does not end by itself is ended after the drain time', () => {
  const time = createFakeTime();
  const wheel = new TimerWheel(time.clock, time.timers);
  const log: string[] = [];
  const connections = new Set<Connection>();
  const connect = (name: string, chain: CompiledChain): Connection => {
    const connection = {
      chain,
      retire: () => void log.push(`${name} retires`),
      destroy: () => void log.push(`${name} ends`),
    } as unknown as Connection;
    connections.add(connection);
    return connection;
  };
  const listener = (name: string, terminal: string): CompiledListener =>
    ({ config: { name, filterChains: [{ terminal }] } }) as unknown as CompiledListener;
  const chainOf = ({ config }: CompiledListener): CompiledChain => ({ listener: config, config: config.filterChains[0] }) as unknown as CompiledChain;
  const change = (listeners: CompiledListener[], removedListeners: string[]): RuntimeChange => ({
    listeners,
    removedListeners,
    secrets: [],
    removedHosts: [],
    outdatedHosts: [],
  });
  const [a, b] = [listener('a', 'old'), listener('b', 'old')];
  const stays = connect('stays', chainOf(a));
  const goes = connect('goes', chainOf(b));
  connect('gone by itself', chainOf(b));
  retireConnections({ connections, wheel }, change([listener('a', 'old')], []));
  assert.deepEqual([log, time.pending()], [[], 0], 'nothing is gone');
  retireConnections({ connections, wheel }, change([listener('a', 'old'), listener('b', 'new')], []));
  assert.deepEqual(log.splice(0), ['goes retires', 'gone by itself retires']);
  for (const connection of connections) if (connection !== stays && connection !== goes) connections.delete(connection);
  time.advance(RETIRE_MS - 1_000);
  assert.deepEqual(log, []);
  time.advance(2_000);
  assert.deepEqual(log.splice(0), ['goes ends']);
  retireConnections({ connections, wheel }, change([], ['a']));
  assert.deepEqual(log.splice(0), ['stays retires']);
  retireConnections({ connections, wheel }, change([], ['b']), 3_000);
  time.advance(4_000);
  assert.deepEqual(log, ['goes retires', 'goes ends'], 'after a time of the mesh');
  wheel.close();
});
