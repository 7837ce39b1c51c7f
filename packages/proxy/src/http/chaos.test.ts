import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { cluster, faultOf, hcm, plainListener } from '../testing/build.ts';
import { until } from '../testing/harness.ts';
import { rawClient, startPlane, startRawServer } from '../testing/plane.ts';

const SEED = Number(process.env['MELTEMI_SEED'] ?? Math.floor(Math.random() * 1e9));

function sequence(seed: number): () => number {
  let state = (seed % 2_147_483_646) + 1;
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
}

const random = sequence(SEED);
const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
const soon = (run: () => void): void => void setTimeout(run, random() * 20);

/** What an application may do with a request; all that is well-formed carries the request's own mark. */
const BEHAVIOURS: readonly ((socket: Socket, mark: string) => void)[] = [
  ...Array.from({ length: 8 }, () => (socket: Socket, mark: string) => void socket.write(answer(mark))),
  (socket, mark) => soon(() => socket.write(answer(mark))),
  (socket, mark) => void socket.write(`HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n${mark.length.toString(16)}\r\n${mark}\r\n0\r\n\r\n`),
  (socket, mark) => {
    socket.write(`HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n${mark.length.toString(16)}\r\n`);
    soon(() => socket.write(`${mark}\r\n0\r\nx-t: 1\r\n\r\n`));
  },
  (socket, mark) => void socket.end(answer(mark)),
  (socket, mark) => {
    socket.write(answer(mark));
    soon(() => socket.destroy());
  },
  (socket, mark) => void socket.end(`HTTP/1.1 200 OK\r\n\r\n${mark}`),
  (socket, mark) => void socket.end(`HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n${mark}`),
  (socket, mark) => void socket.write(`HTTP/1.1 503 X\r\ncontent-length: ${mark.length}\r\n\r\n${mark}`),
  (socket) => void socket.destroy(),
  (socket) => void socket.resetAndDestroy(),
  (socket) => soon(() => socket.destroy()),
  (socket) => void socket.write('garbage\r\n\r\n'),
  () => {},
];

function answer(mark: string): string {
  return `HTTP/1.1 200 OK\r\ncontent-length: ${mark.length}\r\n\r\n${mark}`;
}

function requestOf(mark: string): string {
  const head = `Host: a\r\nX-Mark: ${mark}\r\n`;
  const method = pick(['GET', 'GET', 'DELETE', 'POST', 'CHUNKED', 'BIG']);
  if (method === 'POST') return `POST / HTTP/1.1\r\n${head}Content-Length: 5\r\n\r\nhello`;
  if (method === 'CHUNKED') return `POST / HTTP/1.1\r\n${head}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`;
  if (method === 'BIG') return `PUT / HTTP/1.1\r\n${head}Content-Length: 200000\r\n\r\n${'x'.repeat(200_000)}`;
  return `${method} / HTTP/1.1\r\n${head}\r\n`;
}

/** One client: some requests, perhaps pipelined, perhaps gone before the end. Fails when an answer bears another request's mark. */
async function client(port: number, name: string): Promise<void> {
  const { socket, text, closed } = await rawClient(port);
  const count = 1 + Math.floor(random() * 4);
  const marks = Array.from({ length: count }, (_, at) => `<${name}.${at}>`);
  const manner = pick(['in turn', 'in turn', 'pipelined', 'half-close', 'reset', 'torn']);
  if (manner === 'in turn') {
    for (const [at, mark] of marks.entries()) {
      if (socket.destroyed || socket.readableEnded) break;
      socket.write(requestOf(mark));
      await Promise.race([
        closed,
        until('an answer', () => (text().match(/HTTP\/1\.1 [2-5]/g)?.length ?? 0) > at || socket.readableEnded || undefined, 3_000),
      ]);
    }
    socket.end();
  } else if (manner === 'pipelined' || manner === 'half-close') {
    socket.write(marks.map(requestOf).join(''));
    if (manner === 'half-close') socket.end();
    else soon(() => socket.end());
  } else if (manner === 'reset') {
    socket.write(marks.map(requestOf).join(''));
    soon(() => socket.resetAndDestroy());
  } else {
    const bytes = requestOf(marks[0] ?? '');
    socket.write(bytes.slice(0, Math.floor(random() * bytes.length)));
    soon(() => socket.destroy());
  }
  await closed;
  socket.destroy();
  const seen = [...text().matchAll(/<[^>]+>/g)].map(([mark]) => mark);
  assert.deepEqual(seen, [...new Set(seen)], `an answer came twice; seed ${SEED}`);
  let last = -1;
  for (const mark of seen) {
    const at = marks.indexOf(mark);
    assert.ok(at > last, `${name} got ${mark} out of turn, or it is another's; seed ${SEED}`);
    last = at;
  }
}

test(`whatever both sides do, no answer goes astray and nothing is left counted (seed ${SEED})`, { timeout: 60_000 }, async () => {
  const app = await startRawServer((socket) => {
    let text = '';
    socket.on('data', (bytes: Buffer) => {
      text += bytes.toString('latin1');
      const mark = /x-mark: (<[^>]+>)/i.exec(text)?.[1];
      // Answers as soon as it knows to whom, sometimes before the end of the body.
      if (mark === undefined || !text.includes('\r\n\r\n')) return;
      text = '';
      pick(BEHAVIOURS)(socket, mark);
    });
  });
  const policy = { retry_on: '5xx', num_retries: 1, per_try_timeout: '0.06s', retry_back_off: { base_interval: '0.002s' } };
  const limits = { circuit_breakers: { thresholds: [{ max_connections: 12, max_pending_requests: 6, max_retries: 3 }] } };
  const route = {
    match: { prefix: '/' },
    route: { cluster: 'app', timeout: '0.1s', retry_policy: policy },
    typed_per_filter_config: faultOf({
      delay: { fixed_delay: '0.005s', percentage: { numerator: 10 } },
      abort: { http_status: 500, percentage: { numerator: 5 } },
    }),
  };
  const plane = await startPlane({ clusters: [cluster('app', [app.port], limits)], listeners: [plainListener('http', hcm([route]))] }, random);
  const port = plane.port('http');
  let next = 0;
  await Promise.all(
    Array.from({ length: 24 }, async () => {
      while (next < 1500) await client(port, String(next++));
    }),
  );
  await until('idle', () => (plane.dataPlane.activity.connections === 0 && plane.dataPlane.activity.requests === 0) || undefined);
  const usage = (): unknown => plane.state.cluster('app')?.usage;
  const [host] = plane.state.cluster('app')?.hosts() ?? [];
  assert.equal(host?.active, 0);
  const { connections, ...others } = { ...(usage() as { connections: number; pending: number; requests: number; retries: number }) };
  assert.deepEqual(others, { pending: 0, requests: 0, retries: 0 });
  assert.ok(connections <= 12, `${connections} connections are kept`);
  const codes = new Set(plane.streams.map((info) => info.responseCode));
  for (const code of [200, 503, 504, 500]) assert.ok(codes.has(code), `${code} occurred`);
  await plane[Symbol.asyncDispose]();
  // Connections that were closed are counted until their sockets have told so.
  const none = JSON.stringify({ connections: 0, pending: 0, requests: 0, retries: 0 });
  await until('nothing is counted', () => JSON.stringify(usage()) === none || undefined).catch(() => assert.deepEqual(usage(), none));
  await app[Symbol.asyncDispose]();
});
