import assert from 'node:assert/strict';
import { linkSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import http2 from 'node:http2';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { MeshError } from '@meltemi/base';
import { createChannel } from './channel.ts';
import type { ClientCall } from './client-call.ts';
import { createGrpcServer, type GrpcServer } from './server.ts';
import { unaryMethod, type MethodHandler, type ServerCall } from './server-call.ts';
import { Status, type GrpcStatus } from './status.ts';
import type { GrpcLimits } from './types.ts';

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();

const echo: MethodHandler = (call) => ({
  onMessage: (message) => void call.write([Buffer.from('echo '), message]),
  onHalfClose: () => call.end(),
});

const methods: Record<string, MethodHandler> = {
  '/t.T/Echo': echo,
  '/t.T/Upper': unaryMethod((request) => Buffer.from(text(request).toUpperCase())),
  '/t.T/Fail': unaryMethod((request) => {
    throw new MeshError(`grpc/${text(request)}`, 'no: 100 % ü');
  }),
  '/t.T/Bug': unaryMethod(() => {
    throw new Error('secret detail');
  }),
  '/t.T/Silent': () => ({ onMessage() {} }),
};

async function withServer(
  run: (port: number, server: GrpcServer) => Promise<void>,
  limits: GrpcLimits = {},
  more: Record<string, MethodHandler> = {},
): Promise<void> {
  await using server = createGrpcServer({ methods: { ...methods, ...more }, limits });
  const { port } = await server.listen({ host: '127.0.0.1', port: 0 });
  await run(port, server);
}

/** Collects one stream's events. */
function collect(start: (listener: { onMessage(m: Uint8Array): void; onEnd(s: GrpcStatus): void }) => ClientCall) {
  const messages: string[] = [];
  const waiting: { count: number; resolve: () => void }[] = [];
  const end = Promise.withResolvers<GrpcStatus>();
  const call = start({
    onMessage(message) {
      messages.push(text(message));
      for (const wait of waiting) if (messages.length >= wait.count) wait.resolve();
    },
    onEnd: (status) => end.resolve(status),
  });
  const atLeast = (count: number) => new Promise<void>((resolve) => (messages.length >= count ? resolve() : void waiting.push({ count, resolve })));
  return { call, messages, ended: end.promise, atLeast };
}

test('unary and streaming calls, over TCP and over a Unix socket', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'meltemi-grpc-'));
  const socketPath = join(folder, 's');
  try {
    await using server = createGrpcServer({ methods });
    await server.listen({ socketPath });
    assert.equal(statSync(socketPath).mode & 0o777, 0o600);
    await withServer(async (port) => {
      for (const target of [{ host: '127.0.0.1', port }, { socketPath }]) {
        await using channel = createChannel({ target });
        assert.equal(text(await channel.unary('/t.T/Upper', Buffer.from('abc'))), 'ABC');
        const { call, messages, ended, atLeast } = collect((listener) => channel.stream('/t.T/Echo', listener));
        call.write(Buffer.from('1'));
        await atLeast(1);
        call.write([Buffer.from('2'), Buffer.from('3')]);
        call.write(new Uint8Array(0));
        call.halfClose();
        assert.deepEqual(await ended, { code: Status.OK });
        assert.deepEqual(messages, ['echo 1', 'echo 23', 'echo ']);
      }
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('a socket file that a crash left is taken over; one in use is not', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'meltemi-grpc-'));
  const socketPath = join(folder, 's');
  try {
    const holder = net.createServer();
    await new Promise<void>((resolve) => holder.listen(socketPath, resolve));
    await using second = createGrpcServer({ methods });
    await assert.rejects(second.listen({ socketPath }), { code: 'grpc/listen' });
    // A second name for the socket outlives its server: what a crash leaves.
    linkSync(socketPath, join(folder, 'dead'));
    await new Promise((resolve) => holder.close(resolve));
    await second.listen({ socketPath: join(folder, 'dead') });
    writeFileSync(socketPath, '');
    await using third = createGrpcServer({ methods });
    await assert.rejects(third.listen({ socketPath }), { code: 'grpc/listen' });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('statuses travel: thrown MeshErrors as themselves, bugs without their details, unknown methods', async () => {
  await withServer(async (port) => {
    await using channel = createChannel({ target: { host: '127.0.0.1', port } });
    await assert.rejects(channel.unary('/t.T/Fail', Buffer.from('permission-denied')), { code: 'grpc/permission-denied', message: 'no: 100 % ü' });
    await assert.rejects(channel.unary('/t.T/Bug', Buffer.from('')), { code: 'grpc/internal', message: 'internal error' });
    await assert.rejects(channel.unary('/t.T/Nope', Buffer.from('')), { code: 'grpc/unimplemented' });
    await assert.rejects(channel.unary('/t.T/Silent', Buffer.from('x'), { deadlineMs: 30 }), { code: 'grpc/deadline-exceeded' });
    const aborter = new AbortController();
    const cancelled = channel.unary('/t.T/Silent', Buffer.from('x'), { signal: aborter.signal });
    aborter.abort();
    await assert.rejects(cancelled, { code: 'grpc/cancelled' });
  });
});

test('onClose comes exactly once, for cancel, deadline and lost connection', async () => {
  const closed: string[] = [];
  const wake = new Map<string, () => void>();
  const watch: MethodHandler = (call) => {
    const name = call.metadata['name']!;
    return {
      onMessage() {},
      onClose() {
        closed.push(name);
        wake.get(name)?.();
      },
    };
  };
  await withServer(
    async (port) => {
      const target = { host: '127.0.0.1', port };
      const gone = (name: string) => new Promise<void>((resolve) => wake.set(name, resolve));
      await using channel = createChannel({ target });
      const first = collect((listener) => channel.stream('/t.T/Watch', listener, { metadata: { name: 'cancel' } }));
      first.call.write(Buffer.from('x'));
      const cancelGone = gone('cancel');
      first.call.cancel();
      await cancelGone;
      assert.equal((await first.ended).code, Status.CANCELLED);
      const deadlineGone = gone('deadline');
      const second = collect((listener) => channel.stream('/t.T/Watch', listener, { metadata: { name: 'deadline' }, deadlineMs: 20 }));
      await deadlineGone;
      assert.equal((await second.ended).code, Status.DEADLINE_EXCEEDED);
      const other = createChannel({ target });
      const lostGone = gone('lost');
      const third = collect((listener) => other.stream('/t.T/Watch', listener, { metadata: { name: 'lost' } }));
      third.call.write(Buffer.from('x'));
      await channel.unary('/t.T/Upper', Buffer.from('sync'));
      await other.close();
      await lostGone;
      assert.ok([Status.UNAVAILABLE, Status.CANCELLED].includes((await third.ended).code as never));
      assert.deepEqual(closed, ['cancel', 'deadline', 'lost']);
    },
    {},
    { '/t.T/Watch': watch },
  );
});

test('back-pressure: write says false, the drain comes, and nothing is lost', async () => {
  let serverCall: ServerCall | undefined;
  const flood: MethodHandler = (call) => {
    serverCall = call;
    return { onMessage() {} };
  };
  await withServer(
    async (port) => {
      await using channel = createChannel({ target: { host: '127.0.0.1', port } });
      let received = 0;
      const end = Promise.withResolvers<GrpcStatus>();
      const call = channel.stream('/t.T/Flood', { onMessage: (message) => (received += message.length), onEnd: (status) => end.resolve(status) });
      call.write(Buffer.from('go'));
      await channel.unary('/t.T/Upper', Buffer.from('sync'));
      const chunk = Buffer.alloc(256 * 1024);
      let sent = 0;
      let refused = 0;
      while (sent < 64) {
        sent++;
        if (serverCall!.write(chunk)) continue;
        refused++;
        await new Promise<void>((resolve) => serverCall!.onDrain(resolve));
      }
      serverCall!.end();
      assert.deepEqual(await end.promise, { code: Status.OK });
      assert.ok(refused > 0);
      assert.equal(received, 64 * chunk.length);
    },
    {},
    { '/t.T/Flood': flood },
  );
});

test('a channel reports its state, fails with a reason, and recovers', async () => {
  const first = createGrpcServer({ methods });
  const { port } = await first.listen({ host: '127.0.0.1', port: 0 });
  await using channel = createChannel({ target: { host: '127.0.0.1', port } });
  const states: string[] = [];
  channel.onState((state) => states.push(state.t));
  await channel.unary('/t.T/Upper', Buffer.from('a'));
  const watch = collect((listener) => channel.stream('/t.T/Silent', listener));
  watch.call.write(Buffer.from('x'));
  await first.close();
  assert.equal((await watch.ended).code, Status.UNAVAILABLE);
  await assert.rejects(
    channel.unary('/t.T/Upper', Buffer.from('a')),
    (error: MeshError) => error.code === 'grpc/unavailable' && error.message.includes('ECONNREFUSED'),
  );
  await using second = createGrpcServer({ methods });
  await second.listen({ host: '127.0.0.1', port });
  assert.equal(text(await channel.unary('/t.T/Upper', Buffer.from('b'))), 'B');
  channel.refresh();
  assert.equal(text(await channel.unary('/t.T/Upper', Buffer.from('c'))), 'C');
  assert.deepEqual(states, ['connecting', 'ready', 'idle', 'connecting', 'failed', 'connecting', 'ready', 'idle', 'connecting', 'ready']);
});

test('a server that accepts and says nothing is given up', async () => {
  const mute = net.createServer(() => {});
  await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
  const sockets: net.Socket[] = [];
  mute.on('connection', (socket) => sockets.push(socket));
  const { port } = mute.address() as net.AddressInfo;
  await using channel = createChannel({ target: { host: '127.0.0.1', port }, keepaliveMs: 30, keepaliveTimeoutMs: 30 });
  await assert.rejects(channel.unary('/t.T/Upper', Buffer.from('a')), { code: 'grpc/unavailable' });
  sockets.forEach((socket) => socket.destroy());
  await new Promise((resolve) => mute.close(resolve));
});

test('hostile input: not gRPC, oversized, compressed, cut off, half open, too many headers', async () => {
  await withServer(
    async (port, server) => {
      const session = http2.connect(`http://127.0.0.1:${port}`);
      session.on('error', () => {});
      const attempt = (headers: http2.OutgoingHttpHeaders, body: Uint8Array | undefined, end = true) =>
        new Promise<string>((resolve) => {
          const stream = session.request({ ':method': 'POST', 'content-type': 'application/grpc', ...headers });
          let status = '';
          stream.on('response', (answer) => (status = String(answer['grpc-status'] ?? '')));
          stream.on('trailers', (answer) => (status = String(answer['grpc-status'])));
          stream.on('error', () => {});
          stream.on('close', () => resolve(status));
          stream.resume();
          if (body !== undefined) stream.write(body);
          if (end) stream.end();
        });
      const path = { ':path': '/t.T/Upper' };
      assert.equal(await attempt({ ...path, ':method': 'GET' }, undefined), String(Status.INTERNAL));
      assert.equal(await attempt({ ...path, 'content-type': 'text/html' }, undefined), String(Status.INTERNAL));
      assert.equal(await attempt({ ':path': '/t.T/None' }, undefined), String(Status.UNIMPLEMENTED));
      assert.equal(await attempt({ ...path, 'grpc-encoding': 'gzip' }, undefined), String(Status.UNIMPLEMENTED));
      assert.equal(await attempt(path, Buffer.from([0, 0x7f, 0xff, 0xff, 0xff])), String(Status.RESOURCE_EXHAUSTED));
      assert.equal(await attempt(path, Buffer.from([1, 0, 0, 0, 0])), String(Status.UNIMPLEMENTED));
      assert.equal(await attempt(path, Buffer.from([0, 0, 0, 0, 9, 1])), String(Status.INTERNAL));
      assert.equal(await attempt(path, undefined), String(Status.UNIMPLEMENTED));
      assert.equal(await attempt(path, undefined, false), String(Status.DEADLINE_EXCEEDED));
      assert.equal(await attempt(path, Buffer.from([0, 0, 0, 0, 1, 97, 0, 0, 0, 0, 1, 97])), String(Status.UNIMPLEMENTED));
      assert.equal(await attempt({ ...path, big: 'x'.repeat(20_000) }, Buffer.from([0, 0, 0, 0, 0])), '');
      session.destroy();
      await using channel = createChannel({ target: { host: '127.0.0.1', port } });
      assert.equal(text(await channel.unary('/t.T/Upper', Buffer.from('fine'))), 'FINE');
      assert.equal(server.openCalls, 0);
    },
    { maxMessageBytes: 1024, firstMessageTimeoutMs: 100 },
  );
});

test('raw garbage on the port harms nobody', async () => {
  await withServer(async (port) => {
    for (const bytes of [
      Buffer.from('GET / HTTP/1.1\r\n\r\n'),
      Buffer.alloc(100, 0xff),
      Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x01'),
    ]) {
      const socket = net.connect(port, '127.0.0.1');
      socket.on('error', () => {});
      socket.end(bytes);
      await new Promise((resolve) => socket.once('close', resolve).resume());
    }
    await using channel = createChannel({ target: { host: '127.0.0.1', port } });
    assert.equal(text(await channel.unary('/t.T/Upper', Buffer.from('fine'))), 'FINE');
  });
});

test('closing lets open calls finish within the grace, then cuts them', async () => {
  const server = createGrpcServer({ methods });
  const { port } = await server.listen({ host: '127.0.0.1', port: 0 });
  await using channel = createChannel({ target: { host: '127.0.0.1', port } });
  const graceful = collect((listener) => channel.stream('/t.T/Echo', listener));
  const stuck = collect((listener) => channel.stream('/t.T/Silent', listener));
  graceful.call.write(Buffer.from('1'));
  stuck.call.write(Buffer.from('1'));
  await graceful.atLeast(1);
  const closed = server.close(100);
  graceful.call.halfClose();
  assert.equal((await graceful.ended).code, Status.OK);
  assert.equal((await stuck.ended).code, Status.UNAVAILABLE);
  await closed;
});

test('a call that is not read is not ended for want of a first message', async () => {
  const begun = Promise.withResolvers<ServerCall>();
  const waiting: MethodHandler = (call) => {
    call.pause();
    begun.resolve(call);
    return { onMessage: (message) => void call.write(message) };
  };
  await using server = createGrpcServer({ methods: { '/t.T/Waiting': waiting }, limits: { firstMessageTimeoutMs: 20 } });
  const { port } = await server.listen({ host: '127.0.0.1', port: 0 });
  await using channel = createChannel({ target: { host: '127.0.0.1', port } });
  const { call, atLeast } = collect((listener) => channel.stream('/t.T/Waiting', listener));
  call.write(Buffer.from('1'));
  const paused = await begun.promise;
  await new Promise((resolve) => setTimeout(resolve, 60));
  paused.resume();
  await atLeast(1);
  call.cancel();
});

test('a connection that is late gives the next one more time, up to eightfold', async () => {
  const silent = net.createServer();
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  const { port } = silent.address() as net.AddressInfo;
  await using channel = createChannel({ target: { host: '127.0.0.1', port }, tls: { trustedCa: '', expectedPrincipals: [] }, connectTimeoutMs: 5 });
  const said: string[] = [];
  for (let i = 0; i < 5; i++) {
    await channel.unary('/a/b', new Uint8Array()).catch((error: unknown) => said.push(String(error)));
  }
  assert.deepEqual(
    said.map((text) => Number(/within (\d+) ms/.exec(text)?.[1])),
    [5, 10, 20, 40, 40],
  );
  silent.close();
});
