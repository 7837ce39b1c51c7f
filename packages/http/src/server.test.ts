import assert from 'node:assert/strict';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { request as rawRequest } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  createAuthorizer,
  createHttpServer,
  createSessions,
  eventStream,
  HttpError,
  json,
  request,
  requestStream,
  sessionRoutes,
  signInPage,
  staticFiles,
  type HttpServerOptions,
  type Route,
} from './index.ts';

const clock = { now: () => Date.now(), monotonic: () => performance.now() };
const TOKEN = 'a-secret-of-tests';

async function withServer(
  options: Partial<HttpServerOptions> & { readonly routes: readonly Route[] },
  run: (url: string) => Promise<void>,
): Promise<void> {
  await using server = createHttpServer({ authorize: createAuthorizer({ token: TOKEN }), ...options });
  const { url } = await server.listen({ host: '127.0.0.1', port: 0 });
  await run(url);
}

/** A request that undici and URL would clean up first: raw path, any Host. */
function raw(url: string, path: string, headers: Record<string, string> = {}): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url);
    const sent = rawRequest({ hostname, port, path, headers, agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
    });
    sent.on('error', reject).end();
  });
}

const echo: readonly Route[] = [
  { method: 'GET', path: '/hello/:name', handler: (incoming) => json(200, { name: incoming.params['name'], q: incoming.query.get('q') }) },
  { method: 'POST', path: '/echo', maxBodyBytes: 100, handler: async (incoming) => json(200, await incoming.json()) },
  { method: 'GET', path: '/boom', handler: () => Promise.reject(new Error('with a secret inside')) },
  {
    method: 'GET',
    path: '/teapot',
    handler: () => {
      throw new HttpError(418, 'test/teapot', 'short and stout');
    },
  },
];

test('routes, errors and bodies', async () => {
  await withServer({ routes: echo }, async (url) => {
    const auth = { authorization: `Bearer ${TOKEN}` };
    assert.deepEqual((await request({ url: `${url}/hello/w%C3%B6rld?q=1` })).json(), { name: 'wörld', q: '1' });
    assert.deepEqual((await request({ url: `${url}/hello/you?q=a?b=c?` })).json(), { name: 'you', q: 'a?b=c?' });
    assert.deepEqual((await request({ url: `${url}/echo`, method: 'POST', body: '{"a":[1]}', headers: auth })).json(), { a: [1] });
    const cases: readonly (readonly [string, string, string | undefined, number, string])[] = [
      ['GET', '/nothing', undefined, 404, 'http/not-found'],
      ['DELETE', '/echo', undefined, 405, 'http/method'],
      ['POST', '/echo', 'x'.repeat(101), 413, 'http/body-too-large'],
      ['POST', '/echo', '{', 400, 'http/bad-json'],
      ['GET', '/teapot', undefined, 418, 'test/teapot'],
      ['GET', '/boom', undefined, 500, 'http/internal'],
    ];
    for (const [method, path, body, status, code] of cases) {
      const response = await request({ url: url + path, method, headers: auth, ...(body === undefined ? {} : { body }) });
      const answer = response.json() as { code: string; message: string };
      assert.deepEqual([response.status, answer.code], [status, code], path);
      assert.ok(!answer.message.includes('secret'), answer.message);
    }
    const head = await request({ url: `${url}/hello/a`, method: 'HEAD' });
    assert.deepEqual([head.status, head.body.length, Number(head.headers['content-length']) > 0], [200, 0, true]);
  });
});

test('a chunked body without an announced length is bounded too', async () => {
  await withServer({ routes: echo }, async (url) => {
    const { hostname, port } = new URL(url);
    const answer = await new Promise<string>((resolve) => {
      const socket = connect(Number(port), hostname, () => {
        socket.write(`POST /echo HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${TOKEN}\r\nTransfer-Encoding: chunked\r\n\r\n`);
        socket.write(`c8\r\n${'x'.repeat(200)}\r\n`);
      });
      socket.setEncoding('utf8').once('data', (chunk: string) => {
        socket.destroy();
        resolve(chunk);
      });
    });
    assert.match(answer, /^HTTP\/1\.1 413 /);
  });
});

test('names of other sites are refused (DNS rebinding)', async () => {
  await withServer({ routes: echo, hostNames: ['mesh.example'] }, async (url) => {
    for (const [host, status] of [
      ['localhost', 200],
      ['127.0.0.1:99', 200],
      ['[::1]:20001', 200],
      ['mesh.example:20001', 200],
      ['console.localhost', 200],
      ['evil.example', 421],
      ['127.0.0.1.evil.example', 421],
      ['localhost.evil.example', 421],
    ] as const) {
      assert.equal((await raw(url, '/hello/a', { host })).status, status, host);
    }
  });
});

test('reads are open on loopback, writes need the token or a session from the same origin', async () => {
  const sessions = createSessions({ clock });
  const routes: readonly Route[] = [
    { method: 'GET', path: '/read', handler: (incoming) => json(200, incoming.caller.t) },
    { method: 'PUT', path: '/write', handler: (incoming) => json(200, incoming.caller.t) },
    ...sessionRoutes(sessions, TOKEN),
  ];
  await withServer({ routes, authorize: createAuthorizer({ token: TOKEN, sessions }) }, async (url) => {
    const send = async (method: string, path: string, headers: Record<string, string> = {}): Promise<readonly unknown[]> => {
      const response = await request({ url: url + path, method, headers });
      const body = response.json() as string | { code: string };
      return [response.status, typeof body === 'string' ? body : body.code];
    };
    assert.deepEqual(await send('GET', '/read'), [200, 'anonymous']);
    assert.deepEqual(await send('GET', '/read', { authorization: 'Bearer wrong' }), [401, 'http/bad-token']);
    assert.deepEqual(await send('PUT', '/write'), [401, 'http/token-needed']);
    assert.deepEqual(await send('PUT', '/write', { authorization: `Bearer ${TOKEN}` }), [200, 'token']);

    const ticket = sessions.issueTicket();
    const looked = await request({ url: `${url}/meltemi/v1/session?ticket=${ticket}`, method: 'HEAD' });
    assert.deepEqual([looked.status, looked.headers['set-cookie']], [200, undefined], 'a look leaves the ticket as it is');
    const opened = await request({ url: `${url}/meltemi/v1/session?ticket=${ticket}` });
    assert.equal(opened.status, 303);
    const cookie = opened.headers['set-cookie']?.[0]?.split(';')[0] ?? '';
    assert.equal((await request({ url: `${url}/meltemi/v1/session?ticket=${ticket}` })).status, 401, 'a ticket opens one session');
    assert.deepEqual(await send('PUT', '/write', { cookie }), [200, 'session']);
    assert.deepEqual(await send('PUT', '/write', { cookie, origin: url, 'sec-fetch-site': 'same-origin' }), [200, 'session']);
    assert.deepEqual(await send('PUT', '/write', { cookie, origin: 'http://evil.example' }), [403, 'http/cross-origin']);
    assert.deepEqual(await send('PUT', '/write', { cookie, 'sec-fetch-site': 'same-site' }), [403, 'http/cross-origin']);
    assert.deepEqual(await send('PUT', '/write', { cookie: 'meltemi-session=guess' }), [401, 'http/token-needed']);
  });
});

test('from another machine, reading needs the token too', () => {
  const authorize = createAuthorizer({ token: TOKEN });
  assert.equal(authorize({ access: 'read', headers: {}, remoteAddress: '192.0.2.1' }).t, 'refuse');
  assert.equal(authorize({ access: 'read', headers: {}, remoteAddress: '::ffff:127.9.9.9' }).t, 'allow');
  assert.equal(authorize({ access: 'open', headers: {}, remoteAddress: '192.0.2.1' }).t, 'allow');
});

test('a browser on another machine is asked for the token, and reads with the session that it opens', async () => {
  const sessions = createSessions({ clock });
  const routes: readonly Route[] = [{ method: 'GET', path: '/', handler: () => json(200, 'page') }, ...sessionRoutes(sessions, TOKEN)];
  // Loopback stands in for the other machine.
  const authorize = createAuthorizer({ token: TOKEN, sessions, loopbackReads: false });
  await withServer({ routes, authorize, signInPage }, async (url) => {
    const html = { accept: 'text/html,*/*' };
    const form = { 'content-type': 'application/x-www-form-urlencoded' };
    const asked = await request({ url: `${url}/`, headers: html });
    assert.deepEqual([asked.status, asked.text().includes('<form method="post" action="/meltemi/v1/session">')], [401, true]);
    assert.equal((await request({ url: `${url}/` })).headers['content-type'], 'application/json; charset=utf-8', 'programs get the error as JSON');

    const send = (token: string): ReturnType<typeof request> =>
      request({ url: `${url}/meltemi/v1/session`, method: 'POST', headers: form, body: new URLSearchParams({ token }).toString() });
    const refused = await send('guess');
    assert.deepEqual([refused.status, refused.headers['set-cookie']], [401, undefined]);
    const opened = await send(TOKEN);
    assert.deepEqual([opened.status, opened.headers.location], [303, '/']);
    const cookie = opened.headers['set-cookie']?.[0]?.split(';')[0] ?? '';
    assert.equal((await request({ url: `${url}/`, headers: { ...html, cookie } })).status, 200);
  });
});

test('static files stay inside their folder', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'meltemi-static-'));
  try {
    const outside = await mkdtemp(join(tmpdir(), 'meltemi-outside-'));
    await writeFile(join(outside, 'secret.txt'), 'secret');
    await writeFile(join(directory, 'index.html'), '<p>app</p>');
    await writeFile(join(directory, 'app-3F2A9C1B.js'), '1');
    await writeFile(join(directory, '.hidden'), 'secret');
    await symlink(join(outside, 'secret.txt'), join(directory, 'link.txt'));
    const routes = staticFiles({ directory, fallback: 'index.html', contentSecurityPolicy: "default-src 'self'" });
    await withServer({ routes }, async (url) => {
      const page = await request({ url: `${url}/` });
      assert.deepEqual(
        [page.status, page.text(), page.headers['content-type'], page.headers['content-security-policy']],
        [200, '<p>app</p>', 'text/html; charset=utf-8', "default-src 'self'"],
      );
      assert.equal((await request({ url: `${url}/`, headers: { 'if-none-match': String(page.headers.etag) } })).status, 304);
      assert.equal((await request({ url: `${url}/graph/bookinfo` })).text(), '<p>app</p>');
      assert.match(String((await request({ url: `${url}/app-3F2A9C1B.js` })).headers['cache-control']), /immutable/);
      for (const path of [
        '/../outside/secret.txt',
        '/%2e%2e/secret.txt',
        '/..%2fsecret.txt',
        '/link.txt',
        '/.hidden',
        '/app.js/../../x.txt',
        '/no.png',
      ]) {
        const response = await raw(url, path);
        assert.equal(response.status, 404, path);
        assert.ok(!response.body.includes('secret"'), path);
      }
    });
    await rm(outside, { recursive: true });
  } finally {
    await rm(directory, { recursive: true });
  }
});

test('events arrive as they are sent, with heartbeats; a client that leaves ends the stream', async () => {
  let ended: (() => void) | undefined;
  const over = new Promise<void>((resolve) => (ended = resolve));
  const routes: readonly Route[] = [
    {
      method: 'GET',
      path: '/events',
      handler: () =>
        eventStream(
          async (stream) => {
            await stream.send({ event: 'graph', id: '7', data: { a: 'line\nbreak' } });
            await stream.closed;
            ended?.();
          },
          { heartbeatMs: 5 },
        ),
    },
  ];
  await withServer({ routes }, async (url) => {
    const stream = await requestStream({ url: `${url}/events` });
    assert.equal(stream.headers['content-type'], 'text/event-stream; charset=utf-8');
    let text = '';
    for await (const chunk of stream.chunks) {
      text += chunk.toString();
      if (text.includes(': \n\n') && text.includes('data:')) break;
    }
    assert.match(text, /event: graph\nid: 7\ndata: \{"a":"line\\nbreak"\}\n\n/);
    stream.close();
    await over;
  });
});

test('a client that does not read holds the writer back', async () => {
  let written = 0;
  let stopped: (() => void) | undefined;
  const blocked = new Promise<void>((resolve) => (stopped = resolve));
  const routes: readonly Route[] = [
    {
      method: 'GET',
      path: '/flood',
      handler: () => ({
        status: 200,
        async body(out) {
          const chunk = Buffer.alloc(1 << 20);
          for (; written < 1000; written += 1) {
            const write = out.write(chunk);
            if (out.pendingBytes > 8 << 20) assert.fail('the writer ran ahead of the client');
            await Promise.race([write, new Promise<void>((resolve) => setTimeout(resolve, 200).unref())]);
            if (out.pendingBytes > 0) break;
          }
          stopped?.();
        },
      }),
    },
  ];
  await withServer({ routes }, async (url) => {
    const { hostname, port } = new URL(url);
    const socket = connect(Number(port), hostname, () => socket.write('GET /flood HTTP/1.1\r\nHost: localhost\r\n\r\n'));
    socket.pause();
    await blocked;
    assert.ok(written < 1000, `${written} MiB were taken by a client that does not read`);
    socket.destroy();
  });
});

test('closing ends streams', async () => {
  const server = createHttpServer({
    authorize: createAuthorizer({}),
    routes: [{ method: 'GET', path: '/events', handler: () => eventStream((stream) => stream.closed) }],
  });
  const { url } = await server.listen({ host: '127.0.0.1', port: 0 });
  const stream = await requestStream({ url: `${url}/events` });
  const reading = (async () => {
    for await (const _ of stream.chunks) {
      /* until it ends */
    }
  })();
  await server.close();
  await reading;
  await assert.rejects(request({ url: `${url}/events` }), { code: 'http/unreachable' });
});

test('the client gives up in time, bounds what it reads and stays away from forbidden addresses', async () => {
  const routes: readonly Route[] = [
    {
      method: 'GET',
      path: '/never',
      handler: (incoming) => new Promise((resolve) => incoming.signal.addEventListener('abort', () => resolve({ status: 200 }))),
    },
    { method: 'GET', path: '/big', handler: () => ({ status: 200, body: 'x'.repeat(1000) }) },
  ];
  await withServer({ routes }, async (url) => {
    await assert.rejects(request({ url: `${url}/never`, timeoutMs: 50 }), { code: 'http/timeout' });
    await assert.rejects(request({ url: `${url}/big`, maxBytes: 999 }), { code: 'http/too-large' });
    await assert.rejects(request({ url: `${url}/big`, allowAddress: (address) => !address.startsWith('127.') }), { code: 'http/forbidden-address' });
    await assert.rejects(request({ url: `${url.replace('127.0.0.1', 'localhost')}/big`, allowAddress: () => false }), {
      code: 'http/forbidden-address',
    });
    await assert.rejects(request({ url: 'file:///etc/passwd' }), { code: 'http/bad-url' });
  });
});

test('a port that is taken is named', async () => {
  await using one = createHttpServer({ routes: [], authorize: createAuthorizer({}) });
  const { port } = await one.listen({ host: '127.0.0.1', port: 0 });
  await using two = createHttpServer({ routes: [], authorize: createAuthorizer({}) });
  await assert.rejects(two.listen({ host: '127.0.0.1', port }), { code: 'http/listen', message: new RegExp(`127\\.0\\.0\\.1:${port}`) });
});
