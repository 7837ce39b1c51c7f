import assert from 'node:assert/strict';
import { createServer as createTcpServer, type AddressInfo, type Server } from 'node:net';
import { createServer as createHttpServer, type IncomingMessage } from 'node:http';
import { test, type TestContext } from 'node:test';
import { ProtoReader, ProtoWriter, silentLog } from '@meltemi/base';
import { createGrpcServer, unaryMethod } from '@meltemi/grpc';
import { createManualPlatform } from '../testing/manual-platform.ts';
import type { Probe } from '../types.ts';
import { watchProbe, type ProbeOptions } from './probe.ts';
import type { Readiness } from './readiness.ts';

async function listening(t: TestContext, server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => new Promise((resolve) => server.close(resolve)));
  return (server.address() as AddressInfo).port;
}

/** A probe on a moved clock: `look` runs one look and answers with the state after it. */
function watch(t: TestContext, probe: Probe, application?: ProbeOptions['application']) {
  const manual = createManualPlatform(0);
  const changes: Readiness[] = [];
  const running = watchProbe({ probe, host: '127.0.0.1', platform: manual.platform, application, onChange: (now) => changes.push(now) });
  t.after(() => running.stop());
  return {
    changes,
    armed: () => manual.armed(),
    async look(): Promise<Readiness> {
      await manual.armed();
      manual.fire();
      await manual.armed();
      return running.readiness;
    },
  };
}

test('httpGet: path, headers and status; thresholds and times as in Kubernetes', async (t) => {
  const seen: IncomingMessage[] = [];
  let status = 500;
  const server = createHttpServer((request, response) => {
    seen.push(request);
    response.writeHead(status).end();
  });
  const port = await listening(t, server);
  const probe: Probe = {
    initialDelaySeconds: 4,
    periodSeconds: 7,
    successThreshold: 2,
    failureThreshold: 2,
    httpGet: { port, path: 'healthz', httpHeaders: [{ name: 'X-Probe', value: 'yes' }] },
  };
  const watched = watch(t, probe);
  assert.equal(await watched.armed(), 4_000);
  assert.deepEqual(await watched.look(), { t: 'waiting', reason: `http://127.0.0.1:${port}/healthz answers 500` });
  assert.equal(await watched.armed(), 7_000);
  assert.deepEqual([seen[0]?.url, seen[0]?.headers['x-probe']], ['/healthz', 'yes']);
  status = 302;
  assert.equal((await watched.look()).t, 'waiting');
  assert.equal((await watched.look()).t, 'ready');
  status = 400;
  assert.equal((await watched.look()).t, 'ready', 'one failure may be chance');
  assert.equal((await watched.look()).t, 'waiting');
  assert.deepEqual(
    watched.changes.map(({ t: state }) => state),
    ['ready', 'waiting'],
  );
});

test('another host, and another scheme', async (t) => {
  const server = createHttpServer((_, response) => void response.writeHead(200).end());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.2', resolve));
  t.after(() => new Promise((resolve) => server.close(resolve)));
  const { port } = server.address() as AddressInfo;
  const reasonOf = async (probe: Probe): Promise<string> => {
    const readiness = await watch(t, probe).look();
    return readiness.t === 'waiting' ? readiness.reason : readiness.t;
  };
  assert.equal(await reasonOf({ httpGet: { port, host: '127.0.0.2' } }), 'ready');
  assert.notEqual(await reasonOf({ httpGet: { port } }), 'ready');
  assert.notEqual(await reasonOf({ httpGet: { port, host: '127.0.0.2', scheme: 'HTTPS' } }), 'ready');
  assert.equal(await reasonOf({ tcpSocket: { port, host: '127.0.0.2' } }), 'ready');
  assert.notEqual(await reasonOf({ tcpSocket: { port } }), 'ready');
});

test('defaults: at once, every 10 seconds, one success and three failures', async (t) => {
  const server = createTcpServer((socket) => void socket.destroy());
  const port = await listening(t, server);
  const watched = watch(t, { periodSeconds: 0, failureThreshold: 0, tcpSocket: { port } });
  assert.equal(await watched.armed(), 0);
  assert.equal((await watched.look()).t, 'ready');
  assert.equal(await watched.armed(), 10_000);
  const gone = watch(t, { tcpSocket: { port: 1 } });
  assert.match(((await gone.look()) as { readonly reason: string }).reason, /nothing listens on 127\.0\.0\.1:1/);
});

test('exec: the code that it ends with, what it says, and the time it takes', async (t) => {
  const run = (script: string): Probe => ({ exec: { command: [process.execPath, '-e', script] } });
  assert.equal((await watch(t, run('')).look()).t, 'ready');
  assert.deepEqual(await watch(t, run('console.log("not yet"); process.exit(3)')).look(), {
    t: 'waiting',
    reason: `${process.execPath} ended with code 3: not yet`,
  });
  assert.match(
    ((await watch(t, { ...run('setInterval(() => {}, 1000)'), timeoutSeconds: 1 }).look()) as { readonly reason: string }).reason,
    /takes longer than 1 s/,
  );
  assert.match(((await watch(t, { exec: { command: ['nowhere-to-be-found'] } }).look()) as { readonly reason: string }).reason, /cannot be started/);
});

test(
  'exec: a program runs as the application does, and one that leaves something behind holds up nothing',
  { skip: process.getuid?.() !== 0 },
  async (t) => {
    const script = 'console.log(process.getuid(), process.getgid(), process.cwd(), process.env.MINE, process.env.HOME); process.exit(1)';
    const application = { cwd: '/usr', env: { PATH: process.env['PATH'], MINE: 'yes' }, uid: 65_534, gid: 65_534 };
    const seen = await watch(t, { exec: { command: [process.execPath, '-e', script] } }, application).look();
    assert.match((seen as { readonly reason: string }).reason, /: 65534 65534 \/usr yes undefined$/);
    const leave = "require('node:child_process').spawn('sleep', ['2'], { detached: true, stdio: 'inherit' }).unref()";
    const leaving = { exec: { command: [process.execPath, '-e', leave] }, timeoutSeconds: 1 };
    assert.match(((await watch(t, leaving).look()) as { readonly reason: string }).reason, /takes longer than 1 s/);
  },
);

test('grpc: the standard health service', async (t) => {
  let status = 1;
  const asked: string[] = [];
  const server = createGrpcServer({
    methods: {
      '/grpc.health.v1.Health/Check': unaryMethod((message) => {
        const reader = new ProtoReader(message);
        asked.push(reader.tag() === 0 ? '' : reader.string());
        return new ProtoWriter().tag(1, 0).uint32(status).take();
      }),
    },
    log: silentLog,
  });
  const { port } = await server.listen({ host: '127.0.0.1', port: 0 });
  t.after(() => server.close());
  const watched = watch(t, { grpc: { port, service: 'shop' }, failureThreshold: 1 });
  assert.equal((await watched.look()).t, 'ready');
  status = 2;
  assert.deepEqual(await watched.look(), { t: 'waiting', reason: `gRPC health of "shop" on 127.0.0.1:${port} is NOT_SERVING` });
  assert.deepEqual(asked, ['shop', 'shop']);
});
