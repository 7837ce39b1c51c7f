import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { test, type TestContext } from 'node:test';
import { silentLog } from '@meltemi/base';
import { Faults } from '../core/faults.ts';
import { Counters } from '../stats/counters.ts';
import { cluster, hcm, plainListener, routeTo } from '../testing/build.ts';
import { rawCall, startPlane, startRawServer } from '../testing/plane.ts';
import { until } from '../testing/harness.ts';
import { internalPair } from './internal-socket.ts';
import { NodeTransport } from './node-transport.ts';
import { SharedBuffers } from './shared-buffers.ts';
import { READS_ACCEPTED, readInto } from './shared-reads.ts';

const NOBODY = { onData() {}, onEnd() {}, onDrain() {}, onClose() {} };
const faults = new Faults(silentLog, new Counters(), () => {});

async function accepted(t: TestContext): Promise<{ readonly client: Socket; readonly socket: Socket }> {
  const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [socket] = (await once(server, 'connection')) as [Socket];
  server.close();
  t.after(() => {
    client.destroy();
    socket.destroy();
  });
  return { client, socket };
}

test('this runtime reads accepted sockets into a given buffer', () => assert.ok(READS_ACCEPTED));

test('what was read before comes first, then what waited, then the rest by way of the shared buffer, then the end', async (t) => {
  const { client, socket } = await accepted(t);
  const shared = new SharedBuffers();
  client.write('one ');
  const [begun] = (await once(socket, 'data')) as [Buffer];
  socket.pause();
  socket.unshift(Buffer.from('two '));
  const heard: string[] = [];
  const buffers = new Set<Uint8Array>();
  const transport = new NodeTransport(socket, false, shared, faults, {
    ...NOBODY,
    onData(bytes, start, end) {
      heard.push(Buffer.from(bytes.subarray(start, end)).toString());
      if (heard.length > 2) buffers.add(bytes);
    },
    onEnd: () => void heard.push('end'),
  });
  transport.start(begun);
  assert.deepEqual(heard, ['one ', 'two ']);
  client.write('three');
  await until('the rest', () => heard.length === 3 || undefined);
  client.end();
  await until('the end', () => heard.at(-1) === 'end' || undefined);
  assert.deepEqual(heard, ['one ', 'two ', 'three', 'end']);
  assert.deepEqual([...buffers], [shared.read]);
});

test('a connection whose owner wants nothing at first is not read', async (t) => {
  const { client, socket } = await accepted(t);
  let heard = 0;
  const transport: NodeTransport = new NodeTransport(socket, false, new SharedBuffers(), faults, {
    ...NOBODY,
    onData(_, start, end) {
      heard += end - start;
      transport.pause(true);
    },
  });
  transport.start(Buffer.from('first'));
  client.write(Buffer.alloc(1024));
  await new Promise((resolve) => client.write('x', resolve));
  // The event loop has asked the system for what has come once it has run a timer and what was read after it.
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(heard, 5);
  transport.pause(false);
  await until('the rest', () => heard > 5 || undefined);
});

test('a connection inside the process, and a closed one, tell their bytes as they always did', async (t) => {
  const { client, server } = internalPair({ address: 'a', metadata: new Map() });
  assert.equal(
    readInto(server, Buffer.alloc(1), () => true),
    false,
  );
  client.destroy();
  server.destroy();
  const { socket } = await accepted(t);
  socket.destroy();
  assert.equal(
    readInto(socket, Buffer.alloc(1), () => true),
    false,
  );
});

const CLIENTS = 40;
const label = (n: number): string => `client-${String(n).padStart(3, '0')}`;

test('requests that wait, and are tried again, stay what they were while others are read', async () => {
  const seen = new Map<string, number>();
  await using app = await startRawServer((socket) => {
    let text = '';
    socket.on('data', (bytes: Buffer) => {
      text += bytes.toString('latin1');
      if (!text.endsWith('|')) return;
      const line = /^POST \/(\S+)/.exec(text)?.[1] ?? 'nobody';
      const body = text.slice(text.indexOf('\r\n\r\n') + 4);
      text = '';
      const count = (seen.get(line) ?? 0) + 1;
      seen.set(line, count);
      // The first answer of each comes when all have asked.
      const answer = count === 1 ? 'HTTP/1.1 503 X\r\ncontent-length: 0\r\n\r\n' : `HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
      if (count > 1) socket.write(answer);
      else void until('all requests', () => seen.size === CLIENTS || undefined).then(() => socket.write(answer));
    });
  });
  const route = routeTo('app', { retry_policy: { retry_on: '5xx', num_retries: 2 } });
  await using plane = await startPlane({
    clusters: [cluster('app', [app.port], { circuit_breakers: { thresholds: [{ max_retries: CLIENTS }] } })],
    listeners: [plainListener('http', hcm([route]))],
  });
  const answers = await Promise.all(
    Array.from({ length: CLIENTS }, (_, n) => {
      const body = `${label(n).repeat(50)}|`;
      return rawCall(
        plane.port('http'),
        `POST /${label(n)} HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
      );
    }),
  );
  for (const [n, answer] of answers.entries()) assert.ok(answer.endsWith(`${label(n).repeat(50)}|`), answer);
});

test('pipelined requests wait unchanged', async () => {
  await using app = await startRawServer((socket) => {
    socket.on('data', (bytes: Buffer) => {
      const path = /^GET \/(\S+)/.exec(bytes.toString('latin1'))?.[1] ?? 'nobody';
      setImmediate(() => socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${path.length}\r\n\r\n${path}`));
    });
  });
  await using plane = await startPlane({ clusters: [cluster('app', [app.port])], listeners: [plainListener('http', hcm([routeTo('app')]))] });
  const get = (path: string, more = ''): string => `GET /${path} HTTP/1.1\r\nHost: a\r\n${more}\r\n`;
  const answers = await Promise.all(
    Array.from({ length: CLIENTS }, (_, n) =>
      rawCall(plane.port('http'), get(`${label(n)}-a`) + get(`${label(n)}-b`) + get(`${label(n)}-c`, 'Connection: close\r\n')),
    ),
  );
  for (const [n, answer] of answers.entries())
    assert.deepEqual(
      answer.match(/client-\d+-./g),
      ['a', 'b', 'c'].map((end) => `${label(n)}-${end}`),
    );
});
