/** The session against node:http2 (nghttp2), both ways round, over real sockets. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http2 from 'node:http2';
import net from 'node:net';
import { test } from 'node:test';
import type { H2Data, H2Stream } from './session-types.ts';
import { outgoing, socketSession } from './testdata/socket-session.ts';
import { latin1, textOf } from './testdata/tools.ts';

const portOf = (server: { address(): unknown }): number => (server.address() as { port: number }).port;

interface Echo {
  head: string;
  body: string;
}

/** Answers every request with what it was, in capitals. */
function echoServer(): net.Server {
  return net.createServer((socket) => {
    const waiting = new Map<H2Stream<Echo>, { bytes: Uint8Array; at: number }>();
    socketSession<Echo>(socket, {
      role: 'server',
      handler: (session) => {
        const go = (stream: H2Stream<Echo>): void => {
          const rest = waiting.get(stream) as { bytes: Uint8Array; at: number };
          rest.at += session().writeData(stream, rest.bytes, rest.at, rest.bytes.length);
          if (rest.at === rest.bytes.length) session().writeTrailers(stream, latin1('x-end: yes\r\n'), 0, 12);
        };
        const answer = (stream: H2Stream<Echo>): void => {
          const { head, body } = stream.owner as Echo;
          session().respond(stream, outgoing('HTTP/1.1 103 Early\r\nlink: </a>\r\n\r\n', false));
          session().respond(
            stream,
            outgoing(`HTTP/1.1 200 OK\r\nx-head: ${Buffer.from(head).toString('base64')}\r\nConnection: close\r\n\r\n`, false),
          );
          waiting.set(stream, { bytes: latin1(body), at: 0 });
          go(stream);
        };
        return {
          head: (stream, head, endStream) => {
            stream.owner = { head: textOf(head.bytes, head.start, head.end), body: '' };
            if (endStream) answer(stream);
          },
          data: (stream, data: H2Data) => {
            (stream.owner as Echo).body += textOf(data.bytes, data.start, data.end);
            session().consumed(stream, data.end - data.start);
            if (data.endStream) answer(stream);
          },
          writable: go,
        };
      },
    });
  });
}

async function ask(
  client: http2.ClientHttp2Session,
  headers: http2.OutgoingHttpHeaders,
  body: string,
): Promise<{ head: string; body: string; end: unknown }> {
  const stream = client.request(headers, { endStream: body === '' });
  let trailers: http2.IncomingHttpHeaders = {};
  stream.on('trailers', (fields) => (trailers = fields));
  if (body !== '') stream.end(body);
  const [response] = (await once(stream, 'response')) as [http2.IncomingHttpHeaders];
  let text = '';
  stream.setEncoding('latin1');
  for await (const piece of stream) text += piece as string;
  return { head: Buffer.from(response['x-head'] as string, 'base64').toString(), body: text, end: trailers['x-end'] };
}

test('as a server: heads, bodies larger than the windows, trailers, repeated and changing fields', async () => {
  const server = echoServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = http2.connect(`http://127.0.0.1:${portOf(server)}`);
  const host = `127.0.0.1:${portOf(server)}`;
  try {
    for (let i = 0; i < 40; i++) {
      const big = i % 10 === 9;
      const body = big ? 'x'.repeat(300_000) : i % 2 === 0 ? '' : `body ${i}`;
      const method = body === '' ? 'GET' : 'POST';
      const answer = await ask(
        client,
        { ':method': method, ':path': `/p/${i % 3}?q=${i}`, 'x-same': 'same', 'x-other': `v${i}`, cookie: 'a=1; b=2' },
        body,
      );
      assert.deepEqual(answer, {
        head: `${method} /p/${i % 3}?q=${i} HTTP/1.1\r\nhost: ${host}\r\nx-same: same\r\nx-other: v${i}\r\ncookie: a=1; b=2\r\n\r\n`,
        body,
        end: 'yes',
      });
    }
    const all = await Promise.all(
      Array.from({ length: 100 }, (_, i) => ask(client, { ':method': 'PUT', ':path': `/${i}` }, 'y'.repeat(i * 1000 + 1))),
    );
    assert.deepEqual(
      all.map(({ body }) => body.length),
      Array.from({ length: 100 }, (_, i) => i * 1000 + 1),
    );
  } finally {
    client.close();
    server.close();
  }
});

test('as a client: the same, with a reset', async () => {
  const server = http2.createServer();
  server.on('stream', (stream, headers) => {
    if (headers[':path'] === '/reset') {
      stream.close(http2.constants.NGHTTP2_CANCEL);
      return;
    }
    let body = '';
    stream.setEncoding('latin1');
    stream.on('data', (piece: string) => (body += piece));
    stream.on('end', () => {
      stream.additionalHeaders({ ':status': 103, link: '</a>' });
      stream.respond(
        { ':status': 201, 'x-path': headers[':path'], 'x-auth': headers.authorization, 'x-host': headers[':authority'] },
        { waitForTrailers: true },
      );
      stream.on('wantTrailers', () => stream.sendTrailers({ 'x-length': `${body.length}` }));
      stream.end(body);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = net.connect(portOf(server), '127.0.0.1');
  await once(socket, 'connect');
  interface Call {
    log: string[];
    length: number;
    body: Uint8Array;
    at: number;
    done: () => void;
  }
  const { session, flush } = socketSession<Call>(socket, {
    role: 'client',
    handler: (current) => ({
      head: (stream, head) => stream.owner?.log.push(textOf(head.bytes, head.start, head.end)),
      data: (stream, data) => {
        (stream.owner as Call).length += data.end - data.start;
        current().consumed(stream, data.end - data.start);
        if (data.endStream) stream.owner?.done();
      },
      trailers: (stream, head) => {
        stream.owner?.log.push(textOf(head.bytes, head.start, head.end));
        stream.owner?.done();
      },
      reset: (stream, code, by) => {
        stream.owner?.log.push(`reset ${code} by ${by}`);
        stream.owner?.done();
      },
      writable: (stream) => {
        const call = stream.owner as Call;
        call.at += current().writeLast(stream, call.body, call.at, call.body.length);
      },
    }),
  });
  const call = async (path: string, body: string): Promise<Call> => {
    const bytes = latin1(body);
    let it: Call | undefined;
    await new Promise<void>((done) => {
      it = { log: [], length: 0, body: bytes, at: 0, done };
      const stream = session.request(
        it,
        outgoing(`POST ${path} HTTP/1.1\r\nHost: example\r\nAuthorization: Bearer x\r\nTE: trailers\r\n\r\n`, false),
      );
      it.at = session.writeLast(stream, bytes, 0, bytes.length);
      flush();
    });
    return it as Call;
  };
  try {
    for (let i = 0; i < 10; i++) {
      const size = i === 5 ? 1_000_000 : i * 100 + 1;
      const { log, length } = await call(`/p${i % 2}`, 'z'.repeat(size));
      assert.equal(length, size);
      assert.equal(log[0], 'HTTP/1.1 103 \r\nlink: </a>\r\n\r\n');
      assert.match(
        log[1] as string,
        new RegExp(`^HTTP/1.1 201 \\r\\nx-path: /p${i % 2}\\r\\nx-auth: Bearer x\\r\\nx-host: example\\r\\ndate: .*\\r\\n\\r\\n$`),
      );
      assert.equal(log[2], `x-length: ${size}\r\n`);
    }
    assert.deepEqual((await call('/reset', 'x')).log, ['reset 8 by peer']);
  } finally {
    socket.destroy();
    server.close();
  }
});
