import assert from 'node:assert/strict';
import http from 'node:http';
import http2 from 'node:http2';
import type { AddressInfo, Server } from 'node:net';
import { test } from 'node:test';
import { cluster, faultOf, hcm, plainListener } from '../testing/build.ts';
import { until } from '../testing/harness.ts';
import { startPlane } from '../testing/plane.ts';

const SEED = Number(process.env['MELTEMI_SEED'] ?? Math.floor(Math.random() * 1e9));
const REQUESTS = 2000;

function sequence(seed: number): () => number {
  let state = (seed % 2_147_483_646) + 1;
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
}

const random = sequence(SEED);
const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
const soon = (run: () => void): void => void setTimeout(run, random() * 20);
const BIG = Buffer.alloc(150_000, 'x');

type Http2Behaviour = (stream: http2.ServerHttp2Stream, mark: string) => void;

/** What an application that speaks HTTP/2 may do with a request; all that is well-formed carries the request's own mark. */
const HTTP2_BEHAVIOURS: readonly Http2Behaviour[] = [
  ...Array.from({ length: 8 }, () => answer2),
  (stream, mark) => soon(() => answer2(stream, mark)),
  (stream, mark) => {
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.write(mark);
    soon(() => stream.end());
  },
  (stream, mark) => {
    stream.respond({ ':status': 200 });
    stream.write(mark);
    stream.end(BIG);
  },
  (stream, mark) => {
    stream.respond({ ':status': 200 });
    stream.write(mark);
    soon(() => stream.destroy(new Error('broken')));
  },
  (stream, mark) => {
    stream.respond({ ':status': 503 });
    stream.end(mark);
  },
  (stream) => stream.respond({ ':status': 204 }, { endStream: true }),
  (stream) => stream.close(http2.constants.NGHTTP2_REFUSED_STREAM),
  (stream) => stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR),
  (stream, mark) => {
    answer2(stream, mark);
    if (random() < 0.2) stream.session?.close();
  },
  (stream) => void (random() < 0.1 ? stream.session?.destroy() : stream.close()),
  () => {},
];

function answer2(stream: http2.ServerHttp2Stream, mark: string): void {
  if (stream.destroyed || stream.headersSent) return;
  stream.respond({ ':status': 200 });
  stream.end(mark);
}

const HTTP1_BEHAVIOURS: readonly ((response: http.ServerResponse, mark: string) => void)[] = [
  ...Array.from({ length: 6 }, () => (response: http.ServerResponse, mark: string) => void response.end(mark)),
  (response, mark) => soon(() => response.end(mark)),
  (response, mark) => {
    response.write(mark);
    soon(() => response.end(BIG));
  },
  (response, mark) => {
    response.writeHead(503);
    response.end(mark);
  },
  (response) => response.destroy(),
  (response, mark) => {
    response.write(mark);
    soon(() => response.destroy());
  },
  () => {},
];

/** One request on a client's HTTP/2 connection; perhaps given up. Answers the marks that came back. */
function ask2(session: http2.ClientHttp2Session, mark: string): Promise<string> {
  return new Promise((resolve) => {
    if (session.destroyed || session.closed) {
      resolve('');
      return;
    }
    const manner = pick(['get', 'get', 'post', 'big', 'slow', 'trailers']);
    const stream = session.request(
      { ':method': manner === 'get' ? 'GET' : 'POST', ':path': pick(['/one', '/two']), 'x-mark': mark },
      { endStream: manner === 'get', waitForTrailers: manner === 'trailers' },
    );
    let text = '';
    stream.on('data', (part: Buffer) => (text += part.toString('latin1')));
    stream.on('error', () => {});
    stream.on('close', () => resolve(text));
    stream.on('wantTrailers', () => stream.sendTrailers({ 'x-tail': '1' }));
    if (manner === 'big') stream.end(BIG);
    else if (manner === 'slow') {
      stream.write('a');
      soon(() => stream.end('b'));
    } else if (manner !== 'get') stream.end('hello');
    const end = random();
    if (end < 0.1) soon(() => stream.close(http2.constants.NGHTTP2_CANCEL));
    else if (end < 0.15) stream.close(http2.constants.NGHTTP2_CANCEL);
  });
}

function ask1(agent: http.Agent, port: number, mark: string): Promise<string> {
  return new Promise((resolve) => {
    const request = http.request(
      { port, host: '127.0.0.1', agent, method: pick(['GET', 'POST', 'PUT']), path: pick(['/one', '/two']), headers: { 'x-mark': mark } },
      (response) => {
        let text = '';
        response.on('data', (part: Buffer) => (text += part.toString('latin1')));
        response.on('error', () => {});
        response.on('close', () => resolve(text));
      },
    );
    request.on('error', () => resolve(''));
    if (request.method === 'GET') request.end();
    else request.end(pick([Buffer.from('hello'), BIG]));
    if (random() < 0.1) soon(() => request.destroy());
  });
}

test(`whatever both sides do over both versions, no answer goes astray and nothing is left counted (seed ${SEED})`, { timeout: 60_000 }, async () => {
  const two = http2.createServer({ settings: { maxConcurrentStreams: 20 } });
  two.on('session', (session) => session.on('error', () => {}));
  two.on('stream', (stream, headers) => {
    stream.on('error', () => {});
    stream.resume();
    pick(HTTP2_BEHAVIOURS)(stream, String(headers['x-mark']));
  });
  const one = http.createServer((request, response) => {
    request.resume();
    request.on('error', () => {});
    pick(HTTP1_BEHAVIOURS)(response, String(request.headers['x-mark']));
  });
  for (const server of [one, two]) await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const portOf = (server: Server): number => (server.address() as AddressInfo).port;
  const policy = { retry_on: '5xx', num_retries: 1, per_try_timeout: '0.06s', retry_back_off: { base_interval: '0.002s' } };
  const limits = { circuit_breakers: { thresholds: [{ max_connections: 12, max_pending_requests: 20, max_retries: 3 }] } };
  const http2Options = {
    typed_extension_protocol_options: {
      'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
        '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
        explicit_http_config: { http2_protocol_options: {} },
        common_http_protocol_options: { max_requests_per_connection: 100 },
      },
    },
  };
  const faults = faultOf({
    delay: { fixed_delay: '0.005s', percentage: { numerator: 10 } },
    abort: { http_status: 500, percentage: { numerator: 5 } },
  });
  const routes = ['one', 'two'].map((name) => ({
    match: { prefix: `/${name}` },
    route: { cluster: name, timeout: '0.1s', retry_policy: policy },
    typed_per_filter_config: faults,
  }));
  const plane = await startPlane(
    {
      clusters: [cluster('one', [portOf(one)], limits), cluster('two', [portOf(two)], { ...limits, ...http2Options })],
      listeners: [plainListener('http', hcm(routes))],
    },
    random,
  );
  const port = plane.port('http');
  const agent = new http.Agent({ keepAlive: true, maxSockets: 6 });
  let next = 0;
  const clients = Array.from({ length: 24 }, async (_, at) => {
    const sessions: http2.ClientHttp2Session[] = [];
    while (next < REQUESTS) {
      const mark = `<${next++}>`;
      let text: string;
      if (at % 3 === 0) text = await ask1(agent, port, mark);
      else {
        let session = sessions.at(-1);
        if (session === undefined || session.destroyed || session.closed) {
          session = http2.connect(`http://127.0.0.1:${port}`);
          session.on('error', () => {});
          sessions.push(session);
        }
        const open = session;
        const marks = Array.from({ length: 1 + Math.floor(random() * 4) }, (__, i) => `${mark.slice(0, -1)}.${i}>`);
        const texts = await Promise.all(marks.map((each) => ask2(open, each)));
        for (const [i, each] of texts.entries())
          assert.ok(
            [...each.matchAll(/<[^>]+>/g)].every(([seen]) => seen === marks[i]),
            `${each.slice(0, 60)} for ${marks[i]}; seed ${SEED}`,
          );
        if (random() < 0.03) open.destroy();
        continue;
      }
      assert.ok(
        [...text.matchAll(/<[^>]+>/g)].every(([seen]) => seen === mark),
        `${text.slice(0, 60)} for ${mark}; seed ${SEED}`,
      );
    }
    for (const session of sessions) session.destroy();
  });
  await Promise.all(clients);
  agent.destroy();
  await until('idle', () => (plane.dataPlane.activity.connections === 0 && plane.dataPlane.activity.requests === 0) || undefined);
  for (const name of ['one', 'two']) {
    const found = plane.state.cluster(name);
    assert.equal(found?.hosts()[0]?.active, 0);
    const { connections, ...others } = {
      ...(found?.usage as unknown as { connections: number; pending: number; requests: number; retries: number }),
    };
    assert.deepEqual(others, { pending: 0, requests: 0, retries: 0 }, name);
    assert.ok(connections <= 12, `${connections} connections are kept`);
  }
  const codes = new Set(plane.streams.map((info) => info.responseCode));
  for (const code of [200, 204, 503, 504, 500]) assert.ok(codes.has(code), `${code} occurred`);
  await plane[Symbol.asyncDispose]();
  // Connections that were closed are counted until their sockets have told so.
  const usage = (): string => JSON.stringify(['one', 'two'].map((name) => plane.state.cluster(name)?.usage));
  const none = { connections: 0, pending: 0, requests: 0, retries: 0 };
  await until('nothing is counted', () => usage() === JSON.stringify([none, none]) || undefined).catch(() => assert.fail(usage()));
  one.closeAllConnections();
  for (const server of [one, two]) server.close();
});
