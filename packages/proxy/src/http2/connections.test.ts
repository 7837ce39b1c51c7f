import assert from 'node:assert/strict';
import http2 from 'node:http2';
import type { AddressInfo } from 'node:net';
import test, { describe } from 'node:test';
import { cluster, hcm, plainListener, routeTo } from '../testing/build.ts';
import { until } from '../testing/harness.ts';
import { flagsOf, rawClient, startPlane, startRawServer, type Plane } from '../testing/plane.ts';

const http2Upstream = (options: object = {}, more: object = {}): object => ({
  typed_extension_protocol_options: {
    'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
      '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
      explicit_http_config: { http2_protocol_options: options },
      ...more,
    },
  },
});

/** An HTTP/2 server whose streams the test answers. */
class Upstream implements AsyncDisposable {
  readonly sessions: http2.ServerHttp2Session[] = [];
  readonly streams: http2.ServerHttp2Stream[] = [];
  readonly #server: http2.Http2Server;
  serve: (stream: http2.ServerHttp2Stream, headers: http2.IncomingHttpHeaders) => void = (stream) => {
    stream.respond({ ':status': 200 });
    stream.end('ok');
  };

  constructor(settings: http2.Settings = {}) {
    this.#server = http2.createServer({ settings });
    this.#server.on('session', (session) => {
      this.sessions.push(session);
      session.on('error', () => {});
    });
    this.#server.on('stream', (stream, headers) => {
      this.streams.push(stream);
      stream.on('error', () => {});
      this.serve(stream, headers);
    });
  }

  async listen(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return (this.#server.address() as AddressInfo).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const session of this.sessions) session.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

interface Answer {
  readonly status: number;
  readonly body: string;
  readonly code: number;
}

function answerOf(stream: http2.ClientHttp2Stream): Promise<Answer> {
  return new Promise((resolve) => {
    let status = 0;
    let body = '';
    stream.setEncoding('latin1');
    stream.on('response', (headers) => (status = Number(headers[':status'])));
    stream.on('data', (part: string) => (body += part));
    stream.on('error', () => {});
    stream.on('close', () => resolve({ status, body, code: stream.rstCode ?? 0 }));
  });
}

interface World extends AsyncDisposable {
  readonly plane: Plane;
  readonly upstream: Upstream;
  readonly session: http2.ClientHttp2Session;
  ask(path?: string): Promise<Answer>;
}

async function world(options: {
  readonly settings?: http2.Settings;
  readonly upstream?: object;
  readonly route?: object;
  readonly manager?: object;
}): Promise<World> {
  const upstream = new Upstream(options.settings);
  const plane = await startPlane({
    clusters: [cluster('up', [await upstream.listen()], options.upstream ?? http2Upstream())],
    listeners: [plainListener('main', hcm([routeTo('up', options.route)], options.manager))],
  });
  const session = http2.connect(`http://127.0.0.1:${plane.port('main')}`);
  session.on('error', () => {});
  return {
    plane,
    upstream,
    session,
    ask: (path = '/') => answerOf(session.request({ ':path': path })),
    async [Symbol.asyncDispose]() {
      session.destroy();
      await plane[Symbol.asyncDispose]();
      await upstream[Symbol.asyncDispose]();
    },
  };
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describe('connections of HTTP/2', () => {
  test('requests share one connection; beyond the limit of the peer another one is made', async () => {
    await using w = await world({ settings: { maxConcurrentStreams: 2 } });
    assert.equal((await w.ask()).body, 'ok');
    const held: http2.ServerHttp2Stream[] = [];
    w.upstream.serve = (stream) => held.push(stream);
    const answers = Array.from({ length: 5 }, (_, i) => w.ask(`/${i}`));
    await until('five requests at the upstream', () => held.length === 5 || undefined);
    assert.equal(w.upstream.sessions.length, 3);
    for (const stream of held) {
      stream.respond({ ':status': 200 });
      stream.end('late');
    }
    assert.deepEqual(
      (await Promise.all(answers)).map(({ body }) => body),
      ['late', 'late', 'late', 'late', 'late'],
    );
  });

  test('with no further connection allowed, requests wait for a place', async () => {
    await using w = await world({
      settings: { maxConcurrentStreams: 1 },
      upstream: { ...http2Upstream(), circuit_breakers: { thresholds: [{ max_connections: 1 }] } },
    });
    w.upstream.serve = (stream) =>
      void setTimeout(() => {
        stream.respond({ ':status': 200 });
        stream.end('in turn');
      }, 5);
    await w.ask();
    const answers = await Promise.all(Array.from({ length: 10 }, () => w.ask()));
    assert.deepEqual(new Set(answers.map(({ body }) => body)), new Set(['in turn']));
    assert.equal(w.upstream.sessions.length, 1);
  });

  test('GOAWAY of the upstream: what it has not looked at goes to another connection, what runs ends there', async () => {
    await using w = await world({});
    await w.ask();
    const [first] = w.upstream.sessions;
    const held: http2.ServerHttp2Stream[] = [];
    w.upstream.serve = (stream) => held.push(stream);
    const running = w.ask('/running');
    await until('it runs', () => held.length === 1 || undefined);
    const last = held[0]?.id ?? 0;
    // Answers that it has seen nothing after the stream that runs, while more is on its way.
    const more = w.ask('/more');
    await until('both run', () => held.length === 2 || undefined);
    w.upstream.serve = (stream) => {
      stream.respond({ ':status': 200 });
      stream.end('elsewhere');
    };
    first?.goaway(http2.constants.NGHTTP2_NO_ERROR, last);
    assert.equal((await more).body, 'elsewhere');
    held[0]?.respond({ ':status': 200 });
    held[0]?.end('stayed');
    assert.equal((await running).body, 'stayed');
    assert.equal(w.upstream.sessions.length, 2);
  });

  test('REFUSED_STREAM is tried again where the policy says so, else told', async () => {
    const retry = { retry_policy: { retry_on: 'refused-stream', num_retries: 1, retry_back_off: { base_interval: '0.001s' } } };
    for (const route of [retry, {}]) {
      await using w = await world({ route });
      let asked = 0;
      w.upstream.serve = (stream) => {
        if (asked++ === 0) stream.close(http2.constants.NGHTTP2_REFUSED_STREAM);
        else {
          stream.respond({ ':status': 200 });
          stream.end('second');
        }
      };
      const answer = await w.ask();
      if (route === retry) assert.deepEqual([answer.status, answer.body], [200, 'second']);
      else assert.match(answer.body, /remote refused stream reset/);
      assert.equal(w.upstream.sessions.length, 1);
    }
  });

  test('a reset after the head reaches the client as a reset, flag UR', async () => {
    await using w = await world({});
    w.upstream.serve = (stream) => {
      stream.respond({ ':status': 200 });
      stream.write('part');
      setTimeout(() => stream.destroy(new Error('broken')), 20);
    };
    const answer = await w.ask();
    assert.equal(answer.body, 'part');
    assert.notEqual(answer.code, 0);
    assert.equal(flagsOf(await w.plane.ended(1)), 'UR');
    w.upstream.serve = (stream) => stream.respond({ ':status': 204 }, { endStream: true });
    assert.equal((await w.ask()).status, 204);
  });

  test('an upstream connection that breaks: 503 UC, the client stays', async () => {
    await using w = await world({});
    w.upstream.serve = (stream) => stream.session?.destroy();
    const post = w.session.request({ ':method': 'POST', ':path': '/' });
    post.end('x');
    assert.equal((await answerOf(post)).status, 503);
    assert.equal(flagsOf(await w.plane.ended(1)), 'UC');
  });

  test('an idle upstream connection is closed', async () => {
    await using w = await world({ upstream: http2Upstream({}, { common_http_protocol_options: { idle_timeout: '0.1s' } }) });
    await w.ask();
    const closed = new Promise<void>((resolve) => w.upstream.sessions[0]?.once('close', resolve));
    await closed;
    await w.ask();
    assert.equal(w.upstream.sessions.length, 2);
  });

  test('max_requests_per_connection: a new connection for the next one', async () => {
    await using w = await world({ upstream: http2Upstream({}, { common_http_protocol_options: { max_requests_per_connection: 2 } }) });
    for (let i = 0; i < 5; i++) assert.equal((await w.ask()).status, 200);
    assert.equal(w.upstream.sessions.length, 3);
  });

  test('an upstream that answers no PING is given up', async () => {
    await using silent = await startRawServer((socket) => {
      // Its SETTINGS, and nothing more.
      socket.write(Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]));
    });
    await using plane = await startPlane({
      clusters: [cluster('up', [silent.port], http2Upstream({ connection_keepalive: { interval: '0.1s', timeout: '0.1s' } }))],
      listeners: [plainListener('main', hcm([routeTo('up')]))],
    });
    const session = http2.connect(`http://127.0.0.1:${plane.port('main')}`);
    const post = session.request({ ':method': 'POST' });
    post.end('x');
    assert.equal((await answerOf(post)).status, 503);
    assert.equal(flagsOf(await plane.ended(1)), 'UC');
    session.destroy();
  });

  test('clients: idle time-out and largest age are told by GOAWAY, and requests under way end', async () => {
    for (const options of [{ idle_timeout: '0.1s' }, { max_connection_duration: '0.1s' }, { max_requests_per_connection: 1 }]) {
      await using w = await world({ manager: { common_http_protocol_options: options } });
      const gone = new Promise<number>((resolve) => w.session.once('goaway', resolve));
      const held: http2.ServerHttp2Stream[] = [];
      w.upstream.serve = (stream) => held.push(stream);
      const answer = 'idle_timeout' in options ? undefined : w.ask();
      assert.equal(await gone, http2.constants.NGHTTP2_NO_ERROR);
      if (answer !== undefined) {
        await until('it runs', () => held[0]);
        held[0]?.respond({ ':status': 200 });
        held[0]?.end('whole');
        assert.equal((await answer).body, 'whole');
      }
      await until('the connection has gone', () => w.session.destroyed || w.session.closed || undefined);
    }
  });

  test('the number of streams at once is limited for clients', async () => {
    await using w = await world({ manager: { http2_protocol_options: { max_concurrent_streams: 3 } } });
    await new Promise((resolve) => w.session.once('remoteSettings', resolve));
    assert.equal(w.session.remoteSettings.maxConcurrentStreams, 3);
  });

  test('a client that does not read stops the upstream, and nobody else', async () => {
    await using w = await world({ manager: { http2_protocol_options: { initial_stream_window_size: 65_535 } } });
    const BIG = 30_000_000;
    let written = 0;
    w.upstream.serve = (stream, headers) => {
      stream.respond({ ':status': 200 });
      if (headers[':path'] !== '/big') {
        stream.end('small');
        return;
      }
      const chunk = Buffer.alloc(65_536, 'x');
      const more = (): void => {
        while (written < BIG) {
          written += chunk.length;
          if (!stream.write(chunk)) {
            stream.once('drain', more);
            return;
          }
        }
        stream.end();
      };
      more();
    };
    const slow = w.session.request({ ':path': '/big' });
    slow.pause();
    await until('it is on its way', () => written > 100_000 || undefined);
    await pause(300);
    const held = written;
    assert.ok(held < 4_000_000, `${held} bytes are held`);
    await pause(100);
    assert.equal(written, held);
    assert.equal((await w.ask('/small')).body, 'small');
    let got = 0;
    slow.on('data', (part: Buffer) => (got += part.length));
    slow.resume();
    await new Promise((resolve) => slow.once('end', resolve));
    assert.equal(got, written);
  });

  test('an upstream that does not read stops the client, and nobody else', async () => {
    await using w = await world({});
    w.upstream.serve = (stream, headers) => {
      if (headers[':path'] === '/stuck') {
        stream.pause();
        return;
      }
      stream.respond({ ':status': 200 });
      stream.end('small');
    };
    const stuck = w.session.request({ ':method': 'POST', ':path': '/stuck' });
    stuck.on('error', () => {});
    let written = 0;
    const chunk = Buffer.alloc(65_536, 'x');
    const more = (): void => {
      while (written < 30_000_000) {
        written += chunk.length;
        if (!stuck.write(chunk)) {
          stuck.once('drain', more);
          return;
        }
      }
    };
    more();
    await pause(300);
    const held = written;
    assert.ok(held < 4_000_000, `${held} bytes are held`);
    await pause(100);
    assert.equal(written, held);
    assert.equal((await w.ask('/other')).body, 'small');
    stuck.close(http2.constants.NGHTTP2_CANCEL);
  });

  test('floods end the connection with ENHANCE_YOUR_CALM, and the others go on', async () => {
    await using w = await world({});
    const preface = Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0])]);
    const head = Buffer.from([0x82, 0x84, 0x86, 0x41, 0x01, 0x61]);
    const frame = (type: number, flags: number, id: number, payload: Buffer): Buffer => {
      const header = Buffer.alloc(9);
      header.writeUIntBE(payload.length, 0, 3);
      header[3] = type;
      header[4] = flags;
      header.writeUInt32BE(id, 5);
      return Buffer.concat([header, payload]);
    };
    const resets = Array.from({ length: 2000 }, (_, i) => [frame(1, 5, 2 * i + 1, head), frame(3, 0, 2 * i + 1, Buffer.from([0, 0, 0, 8]))]).flat();
    const floods = {
      'rapid reset': Buffer.concat(resets),
      pings: Buffer.concat(Array.from({ length: 5000 }, () => frame(6, 0, 0, Buffer.alloc(8)))),
      settings: Buffer.concat(Array.from({ length: 5000 }, () => frame(4, 0, 0, Buffer.alloc(0)))),
    };
    for (const [name, bytes] of Object.entries(floods)) {
      const client = await rawClient(w.plane.port('main'));
      client.socket.write(preface);
      client.socket.write(bytes);
      const all = await client.closed;
      // GOAWAY, with the code in its last four bytes.
      assert.ok(all.includes('\x07\x00\x00\x00\x00\x00'), name);
      assert.ok(all.endsWith('\x00\x00\x00\x0b'), name);
      client.socket.destroy();
    }
    assert.equal((await w.ask()).status, 200);
    await until('nothing is left', () => w.plane.dataPlane.activity.requests === 0 || undefined);
  });
});
