import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { after, test } from 'node:test';
import { cluster, FAULT, faultOf, hcm, plainListener, ROUTER, routeTo } from '../testing/build.ts';
import { flagsOf, rawCall, rawClient, startPlane, startRawServer, type Plane } from '../testing/plane.ts';

const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';
const status = (code: number, more = ''): string => `HTTP/1.1 ${code} X\r\n${more}content-length: 0\r\n\r\n`;

/** What the application does with the n-th request of a test (1, 2, …), its bytes at hand. */
type Script = (socket: Socket, count: number, text: string) => void;
let script: Script = (socket) => void socket.write(OK);
let requests: string[] = [];

/** Connections that the application has got. */
let accepted = 0;

const app = await startRawServer((socket) => {
  accepted++;
  socket.on('data', (bytes: Buffer) => {
    requests.push(bytes.toString('latin1'));
    script(socket, requests.length, bytes.toString('latin1'));
  });
});
/** A port where nobody listens. */
const closed = await startRawServer(() => {});
await closed[Symbol.asyncDispose]();

const planes: Plane[] = [];
after(async () => {
  for (const plane of planes) await plane[Symbol.asyncDispose]();
  await app[Symbol.asyncDispose]();
});

interface Setting {
  readonly route?: object;
  readonly ports?: readonly number[];
  readonly cluster?: object;
  readonly hcm?: object;
  readonly perFilter?: object;
}

async function proxy(setting: Setting = {}): Promise<Plane> {
  const route = {
    ...routeTo('app', setting.route ?? {}),
    ...(setting.perFilter === undefined ? {} : { typed_per_filter_config: setting.perFilter }),
  };
  const plane = await startPlane({
    clusters: [cluster('app', setting.ports ?? [app.port], setting.cluster)],
    listeners: [plainListener('http', hcm([route], setting.hcm))],
  });
  planes.push(plane);
  requests = [];
  accepted = 0;
  return plane;
}

const call = (plane: Plane, method = 'GET', lines = '', body = ''): Promise<string> =>
  rawCall(plane.port('http'), `${method} / HTTP/1.1\r\nHost: a\r\n${lines}Connection: close\r\n\r\n${body}`);

/** `retry_on`, how the first attempt ends, whether there is a second one. */
const CASES: readonly (readonly [on: string, first: Script, retried: boolean, more?: object])[] = [
  ['5xx', (s) => void s.write(status(500)), true],
  ['5xx', (s) => void s.write(status(404)), false],
  ['5xx', (s) => void s.destroy(), true],
  ['5xx', (s) => void s.resetAndDestroy(), true],
  ['gateway-error', (s) => void s.write(status(503)), true],
  ['gateway-error', (s) => void s.write(status(500)), false],
  ['reset', (s) => void s.resetAndDestroy(), true],
  ['reset', (s) => void s.write(status(503)), false],
  ['reset', (s) => void s.write('nonsense\r\n\r\n'), true],
  ['connect-failure', (s) => void s.destroy(), false],
  ['connect-failure,refused-stream,unavailable,cancelled,503', (s) => void s.write(status(503)), true],
  ['connect-failure,refused-stream,unavailable,cancelled,503', (s) => void s.destroy(), false],
  ['retriable-4xx', (s) => void s.write(status(409)), true],
  ['retriable-4xx', (s) => void s.write(status(400)), false],
  ['retriable-status-codes', (s) => void s.write(status(418)), true, { retriable_status_codes: [418] }],
  ['retriable-headers', (s) => void s.write(status(200, 'x-again: 1\r\n')), true, { retriable_headers: [{ name: 'x-again', present_match: true }] }],
  ['unavailable', (s) => void s.write(status(200, 'grpc-status: 14\r\n')), true],
  ['envoy-ratelimited', (s) => void s.write(status(429, 'x-envoy-ratelimited: true\r\n')), true],
  ['5xx', (s) => void s.write(status(503, 'x-envoy-ratelimited: true\r\n')), false],
];

test('each condition of retry_on, over sockets', async (t) => {
  for (const [on, first, retried, more] of CASES) {
    await t.test(`${on} ${String(first).slice(4)} ${retried ? 'again' : 'once'}`, async () => {
      const plane = await proxy({ route: { retry_policy: { retry_on: on, num_retries: 2, retry_back_off: { base_interval: '0.001s' }, ...more } } });
      script = (socket, count, text) => (count === 1 ? first(socket, count, text) : void socket.write(OK));
      const text = await call(plane);
      assert.equal(requests.length, retried ? 2 : 1);
      if (retried) {
        assert.match(text, /^HTTP\/1.1 200 /);
        const [one, two] = requests.map((head) => head.replace(/(x-envoy-expected-rq-timeout-ms): \d+/, '$1: *'));
        assert.equal(two, one, 'the second attempt says the same as the first, but for the time it has');
      }
      const info = await plane.ended(1);
      assert.equal(info.attempts, requests.length);
    });
  }
});

test('connect-failure goes to the other host; without a policy it is a 503 UF', async () => {
  const policy = {
    retry_on: 'connect-failure',
    num_retries: 1,
    retry_back_off: { base_interval: '0.001s' },
    retry_host_predicate: [{ name: 'envoy.retry_host_predicates.previous_hosts' }],
  };
  script = (socket) => void socket.write(OK);
  const plane = await proxy({ route: { retry_policy: policy }, ports: [closed.port, app.port], cluster: { lb_policy: 'ROUND_ROBIN' } });
  for (let at = 0; at < 6; at++) assert.match(await call(plane, 'POST', 'Content-Length: 2\r\n', 'hi'), /^HTTP\/1.1 200 /);
  assert.equal(requests.length, 6);
  const bare = await proxy({ ports: [closed.port] });
  assert.match(await call(bare), /^HTTP\/1.1 503 [^]*remote connection failure$/);
  assert.equal(flagsOf(await bare.ended(1)), 'UF');
});

test('who waits behind a connection that cannot be made is answered too', async () => {
  const plane = await proxy({ ports: [closed.port], cluster: { circuit_breakers: { thresholds: [{ max_connections: 1 }] } } });
  const answers = await Promise.race([
    Promise.all(Array.from({ length: 6 }, () => call(plane))),
    new Promise<string[]>((_, reject) => setTimeout(reject, 3_000, new Error('some wait for ever')).unref()),
  ]);
  for (const answer of answers) assert.match(answer, /^HTTP\/1.1 503 /);
  const usage = plane.state.cluster('app')?.usage;
  assert.deepEqual(usage, { connections: 0, pending: 0, requests: 0, retries: 0 });
});

test('retries are used up: the last answer is passed on with URX', async () => {
  const plane = await proxy({ route: { retry_policy: { retry_on: '5xx', num_retries: 2, retry_back_off: { base_interval: '0.001s' } } } });
  script = (socket) => void socket.write(status(503));
  assert.match(await call(plane), /^HTTP\/1.1 503 /);
  const info = await plane.ended(1);
  assert.deepEqual([requests.length, info.attempts, flagsOf(info)], [3, 3, 'URX']);
});

test('a response that is whole and tried again after keeps its connection; any other does not', async (t) => {
  const CASES: Readonly<Record<string, readonly [first: string, connections: number, method?: string]>> = {
    'no body': [status(503), 1],
    'a body that came with its head': ['HTTP/1.1 503 X\r\ncontent-length: 4\r\n\r\nbusy', 1],
    'chunks that came with the head': ['HTTP/1.1 503 X\r\ntransfer-encoding: chunked\r\n\r\n4\r\nbusy\r\n0\r\n\r\n', 1],
    'of HEAD': ['HTTP/1.1 503 X\r\ncontent-length: 4\r\n\r\n', 1, 'HEAD'],
    'a body that is still to come': ['HTTP/1.1 503 X\r\ncontent-length: 4\r\n\r\nbu', 2],
    'more than the body': ['HTTP/1.1 503 X\r\ncontent-length: 4\r\n\r\nbusyHTTP/1.1 200', 2],
    'broken chunks': ['HTTP/1.1 503 X\r\ntransfer-encoding: chunked\r\n\r\nz\r\n', 2],
    'connection: close': [status(503, 'connection: close\r\n'), 2],
  };
  const plane = await proxy({ route: { retry_policy: { retry_on: '5xx', retry_back_off: { base_interval: '0.001s' } } } });
  for (const [name, [first, connections, method = 'GET']] of Object.entries(CASES)) {
    await t.test(name, async () => {
      // A connection of its own.
      const begun = accepted;
      const seen = requests.length;
      script = (socket, count) => void socket.write(count === seen + 1 ? first : count === seen + 2 ? status(200, 'connection: close\r\n') : OK);
      assert.match(await call(plane, method), /^HTTP\/1.1 200 /);
      assert.deepEqual([requests.length - seen, accepted - begun], [2, connections]);
    });
  }
  assert.deepEqual(plane.state.cluster('app')?.usage, { connections: 0, pending: 0, requests: 0, retries: 0 });
});

test('a POST that may have been processed is sent again only when the policy names how it broke', async () => {
  const body = 'x'.repeat(1000);
  const post = (plane: Plane): Promise<string> => call(plane, 'POST', `Content-Length: ${body.length}\r\n`, body);
  for (const on of ['', 'connect-failure', 'connect-failure,refused-stream,unavailable,cancelled,503', 'reset-before-request', 'gateway-error']) {
    const plane = await proxy(
      on === '' ? {} : { route: { retry_policy: { retry_on: on, num_retries: 3, retry_back_off: { base_interval: '0.001s' } } } },
    );
    script = (socket, count) => void (count === 1 ? socket.destroy() : socket.write(OK));
    const text = await post(plane);
    const asked = on === 'gateway-error';
    assert.equal(requests.length, asked ? 2 : 1, on);
    assert.match(text, asked ? /^HTTP\/1.1 200 / : /^HTTP\/1.1 503 /);
    if (!asked) assert.equal(flagsOf(await plane.ended(1)), 'UC');
  }
});

test('a body too large to keep is not sent twice', async () => {
  const plane = await proxy({ route: { retry_policy: { retry_on: '5xx', num_retries: 3, retry_back_off: { base_interval: '0.001s' } } } });
  const body = 'x'.repeat(300_000);
  let seen = 0;
  script = (socket, _count, text) => {
    seen += text.length;
    if (seen > 300_000) socket.write(status(503));
  };
  assert.match(await call(plane, 'POST', `Content-Length: ${body.length}\r\n`, body), /^HTTP\/1.1 503 /);
  assert.equal((await plane.ended(1)).attempts, 1);
});

test('the application closes a kept-alive connection just when the next request comes', async (t) => {
  /** The first request of a connection is answered; the second finds it closing. */
  const closing: Script = (socket, _count, text) => {
    if (text.includes('/warm')) socket.write(OK);
    else if (socket.bytesRead > text.length) socket.destroy();
    else socket.write(OK);
  };
  const warm = async (plane: Plane): Promise<void> => {
    assert.match(await rawCall(plane.port('http'), 'GET /warm HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'), /200/);
  };
  for (const method of ['GET', 'HEAD', 'OPTIONS', 'DELETE', 'PUT']) {
    await t.test(`${method}: nobody notices`, async () => {
      const plane = await proxy();
      script = closing;
      await warm(plane);
      assert.match(await call(plane, method, method === 'PUT' ? 'Content-Length: 0\r\n' : ''), /^HTTP\/1.1 200 /);
      const info = await plane.ended(2);
      assert.deepEqual([requests.length, info.attempts, flagsOf(info)], [3, 2, '-']);
    });
  }
  for (const [method, lines, body] of [
    ['POST', 'Content-Length: 0\r\n', ''],
    ['PATCH', 'Content-Length: 2\r\n', 'hi'],
  ] as const) {
    await t.test(`${method} may have been processed: 503 UC, not twice`, async () => {
      const plane = await proxy();
      script = closing;
      await warm(plane);
      assert.match(await call(plane, method, lines, body), /^HTTP\/1.1 503 /);
      assert.deepEqual([requests.length, flagsOf(await plane.ended(2))], [2, 'UC']);
    });
  }
  await t.test('half a response is no reason to ask again', async () => {
    const plane = await proxy();
    script = (socket, _count, text) => void (text.includes('/warm') ? socket.write(OK) : socket.end('HTTP/1.1 200 OK\r\ncontent-le'));
    await warm(plane);
    await call(plane);
    assert.equal(requests.length, 2);
  });
  await t.test('a fresh connection that closes is not tried again without a policy', async () => {
    const plane = await proxy();
    script = (socket) => void socket.destroy();
    assert.match(await call(plane), /^HTTP\/1.1 503 /);
    assert.equal(requests.length, 1);
  });
});

test('time-outs: 504 UT for the route, per try with retries, and connecting', async (t) => {
  const never: Script = () => {};
  await t.test('route', async () => {
    const plane = await proxy({ route: { timeout: '0.08s' } });
    script = never;
    const begun = performance.now();
    assert.match(await call(plane), /^HTTP\/1.1 504 [^]*upstream request timeout/);
    const took = performance.now() - begun;
    assert.ok(took >= 78 && took < 1_000, `${took} ms`);
    const info = await plane.ended(1);
    assert.deepEqual([flagsOf(info), info.responseCodeDetails], ['UT', 'response_timeout']);
  });
  await t.test('route, when the request ends while a connection is being made', async () => {
    const plane = await proxy({ route: { timeout: '0.08s' } });
    script = never;
    const client = await rawClient(plane.port('http'));
    client.socket.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nConnection: close\r\n\r\nab');
    // The head is read in this turn, and the rest before the upstream's connection stands.
    client.socket.write('cd');
    await Promise.race([client.closed, new Promise((_, reject) => setTimeout(reject, 2_000, new Error('no time-out')).unref())]);
    assert.match(client.text(), /^HTTP\/1.1 504 /);
    client.socket.destroy();
  });
  await t.test('the head of an internal caller may shorten it; others are not listened to', async () => {
    script = never;
    const ours = { use_remote_address: true, internal_address_config: { cidr_ranges: [{ address_prefix: '127.0.0.0', prefix_len: 8 }] } };
    const inner = await proxy({ route: { timeout: '5s' }, hcm: ours });
    assert.match(await call(inner, 'GET', 'x-envoy-upstream-rq-timeout-ms: 50\r\n'), /^HTTP\/1.1 504 /);
    const edge = await proxy({ route: { timeout: '0.3s' }, hcm: { use_remote_address: true } });
    const begun = performance.now();
    assert.match(await call(edge, 'GET', 'x-envoy-upstream-rq-timeout-ms: 1\r\n'), /^HTTP\/1.1 504 /);
    assert.ok(performance.now() - begun >= 290);
  });
  await t.test('per try', async () => {
    const policy = { retry_on: '5xx', num_retries: 2, per_try_timeout: '0.05s', retry_back_off: { base_interval: '0.001s' } };
    const plane = await proxy({ route: { timeout: '5s', retry_policy: policy } });
    script = (socket, count) => void (count < 3 ? undefined : socket.write(OK));
    assert.match(await call(plane), /^HTTP\/1.1 200 /);
    assert.equal(requests.length, 3);
    script = never;
    requests = [];
    assert.match(await call(plane), /^HTTP\/1.1 504 /);
    assert.deepEqual([requests.length, flagsOf(await plane.ended(2))], [3, 'UT,URX']);
  });
  await t.test('the route time-out bounds all tries together', async () => {
    const policy = { retry_on: '5xx', num_retries: 50, per_try_timeout: '0.03s', retry_back_off: { base_interval: '0.001s' } };
    const plane = await proxy({ route: { timeout: '0.1s', retry_policy: policy } });
    script = never;
    assert.match(await call(plane), /^HTTP\/1.1 504 /);
    assert.ok(requests.length >= 2 && requests.length <= 4, `${requests.length}`);
  });
  await t.test('a response that has begun is cut, not replaced', async () => {
    const plane = await proxy({ route: { timeout: '0.08s' } });
    script = (socket) => void socket.write('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf');
    const text = await call(plane);
    assert.ok(text.startsWith('HTTP/1.1 200') && text.endsWith('half') && !text.includes('504'));
    assert.equal(flagsOf(await plane.ended(1)), 'UT');
  });
});

test('fault: delay and abort with percentages; state what a false alarm would take', { timeout: 60_000 }, async (t) => {
  script = (socket) => void socket.write(OK);
  const percent = (numerator: number): object => ({ percentage: { numerator, denominator: 'HUNDRED' } });
  const many = async (plane: Plane, count: number): Promise<Map<string, number>> => {
    const seen = new Map<string, number>();
    const client = await rawClient(plane.port('http'));
    for (let at = 0; at < count; at++) {
      const before = client.text().length;
      client.socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      while (!/\r\n\r\n(ok|fault filter abort)$/.test(client.text().slice(before)))
        await new Promise((resolve) => client.socket.once('data', resolve));
      const code = client.text().slice(before).slice(9, 12);
      seen.set(code, (seen.get(code) ?? 0) + 1);
    }
    client.socket.destroy();
    return seen;
  };
  await t.test('abort, every time', async () => {
    const plane = await proxy({ perFilter: faultOf({ abort: { http_status: 418, ...percent(100) } }) });
    assert.match(await call(plane), /^HTTP\/1.1 418 [^]*fault filter abort$/);
    const info = await plane.ended(1);
    assert.deepEqual([flagsOf(info), info.responseCodeDetails, info.attempts, requests.length], ['FI', 'fault_filter_abort', 0, 0]);
  });
  await t.test('abort, 30 % of 2000', async () => {
    const plane = await proxy({ perFilter: faultOf({ abort: { http_status: 503, ...percent(30) } }) });
    const aborted = (await many(plane, 2000)).get('503') ?? 0;
    // Standard deviation 20.5; 5 of them are missed by chance less than once in a million runs.
    assert.ok(Math.abs(aborted - 600) <= 103, `${aborted} of 2000`);
  });
  await t.test('delay', async () => {
    const plane = await proxy({ perFilter: faultOf({ delay: { fixed_delay: '0.08s', ...percent(100) } }) });
    const begun = performance.now();
    assert.match(await call(plane), /^HTTP\/1.1 200 /);
    assert.ok(performance.now() - begun >= 78);
    assert.equal(flagsOf(await plane.ended(1)), 'DI');
  });
  await t.test('delay and abort together', async () => {
    const plane = await proxy({
      perFilter: faultOf({ delay: { fixed_delay: '0.05s', ...percent(100) }, abort: { http_status: 500, ...percent(100) } }),
    });
    const begun = performance.now();
    assert.match(await call(plane), /^HTTP\/1.1 500 /);
    assert.ok(performance.now() - begun >= 48);
    assert.equal(flagsOf(await plane.ended(1)), 'DI,FI');
  });
  await t.test('0 % hits nobody; a client that goes during the delay is counted as gone', async () => {
    const none = await proxy({ perFilter: faultOf({ abort: { http_status: 500, ...percent(0) }, delay: { fixed_delay: '5s', ...percent(0) } }) });
    assert.equal((await many(none, 50)).get('200'), 50);
    const slow = await proxy({ perFilter: faultOf({ delay: { fixed_delay: '5s', ...percent(100) } }), hcm: { http_filters: [FAULT, ROUTER] } });
    const client = await rawClient(slow.port('http'));
    client.socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await new Promise((resolve) => setTimeout(resolve, 30));
    client.socket.resetAndDestroy();
    const info = await slow.ended(1);
    assert.deepEqual([flagsOf(info), requests.length], ['DI,DC', 0]);
  });
});
