import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type MeshError, ProtoWriter, WireType } from '@meltemi/base';
import { request } from '@meltemi/http';
import { TYPE_URL } from '@meltemi/protos-types';
import type { Resource } from '@meltemi/xds';
import { runWorkload } from './index.ts';
import { startFakeControlPlane } from './testing/fake-control-plane.ts';
import type { RunningWorkload, WorkloadEvent, WorkloadOptions } from './types.ts';

const FAKE_PROXY = [process.execPath, fileURLToPath(new URL('./testing/fake-proxy.ts', import.meta.url))];
const identity = { namespace: 'bookinfo', serviceAccount: 'bookinfo-reviews', workload: 'reviews-v2', app: 'reviews', version: 'v2', labels: {} };
const PRINCIPAL = 'spiffe://cluster.local/ns/bookinfo/sa/bookinfo-reviews';
const resource = (name: string, version = '1', bytes: Uint8Array = Uint8Array.of()): Resource => ({ name, version, bytes });

/** A port that is free now on an address; the tests' agents get addresses of their own, so nobody else wants it. */
async function freePort(address: string): Promise<number> {
  const server = createServer().listen(0, address);
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

async function ports(address: string) {
  const [admin, metrics, health, proxyMetrics, dns] = await Promise.all([0, 1, 2, 3, 4].map(() => freePort(address)));
  return { admin: admin ?? 0, metrics: metrics ?? 0, health: health ?? 0, proxyMetrics: proxyMetrics ?? 0, dns: dns ?? 0 };
}

interface Seen {
  readonly pid: number;
  readonly clusters: readonly string[];
  readonly secrets: number;
  readonly tlsPort: number;
  readonly node: string;
}
const see = async (address: string, port: number): Promise<Seen> =>
  (await request({ url: `http://${address}:${port}/seen`, timeoutMs: 1000 })).json() as Seen;

async function until(what: string, holds: () => Promise<boolean> | boolean, limitMs = 10_000): Promise<number> {
  const since = performance.now();
  while (!(await Promise.resolve(holds()).catch(() => false))) {
    if (performance.now() - since > limitMs) assert.fail(`not within ${limitMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return performance.now() - since;
}

/** What openssl sees of the certificate at a port. */
function certificateAt(address: string, port: number): { uri: string; serial: string } | undefined {
  const shown = spawnSync('openssl', ['s_client', '-connect', `${address}:${port}`, '-showcerts'], { input: '', encoding: 'utf8', timeout: 5000 });
  if (shown.error !== undefined) return undefined;
  const text = spawnSync('openssl', ['x509', '-noout', '-serial', '-ext', 'subjectAltName'], { input: shown.stdout, encoding: 'utf8' }).stdout;
  return { uri: /URI:(\S+)/.exec(text)?.[1] ?? '', serial: (/serial=(\S+)/.exec(text)?.[1] ?? '').toLowerCase() };
}

/** `NameTable` with one service. */
function nameTable(): Uint8Array {
  const writer = new ProtoWriter();
  const entry = writer.tag(1, WireType.bytes).begin();
  writer.tag(1, WireType.bytes).string('ratings.bookinfo.svc.cluster.local').tag(2, WireType.bytes);
  const info = writer.begin();
  for (const [field, text] of [
    [1, '127.240.1.2'],
    [2, 'Kubernetes'],
    [3, 'ratings'],
    [4, 'bookinfo'],
  ] as const)
    writer.tag(field, WireType.bytes).string(text);
  return writer.finish(info).finish(entry).take();
}

async function workload(options: { address: string; ttlMs?: number; extra?: Partial<WorkloadOptions> }) {
  const control = await startFakeControlPlane(options.ttlMs === undefined ? {} : { ttlMs: options.ttlMs });
  control.set(TYPE_URL.cluster, [resource('outbound|9080||ratings.bookinfo.svc.cluster.local')]);
  control.set(TYPE_URL.nameTable, [resource('table', '1', nameTable())]);
  const events: WorkloadEvent[] = [];
  const numbers = await ports(options.address);
  const running: RunningWorkload = await runWorkload({
    type: 'sidecar',
    identity,
    appPorts: [{ number: 9080, protocol: 'http' }],
    interception: 'ports',
    controlPlane: { t: 'joined', result: control.join(identity, options.address) },
    dataPlane: { t: 'embedded', command: FAKE_PROXY },
    ports: numbers,
    drainMs: 0,
    onEvent: (event) => events.push(event),
    ...options.extra,
  });
  const close = async (): Promise<void> => {
    await running.stop();
    await control.kill();
  };
  return { control, events, running, ports: numbers, close };
}

test('a workload from join to exit: identity seen from outside, health, metrics, names, environment, exit code', async () => {
  const address = '127.77.0.2';
  const script = `console.log(JSON.stringify(process.env));require('http').createServer((q,s)=>{s.writeHead(200,{'content-type':'text/plain'});s.end('app_metric 1\\n# EOF\\n')}).listen(+process.env.PORT,process.env.HOST);process.on('SIGTERM',()=>process.exit(5))`;
  const {
    running,
    control,
    events,
    ports: numbers,
  } = await workload({ address, extra: { application: { command: [process.execPath, '-e', script], cwd: process.cwd(), env: process.env } } });
  try {
    await running.ready;
    const proxy = await see(address, numbers.admin);
    assert.deepEqual(
      [proxy.clusters, proxy.node],
      [['outbound|9080||ratings.bookinfo.svc.cluster.local'], `sidecar~${address}~reviews-v2.bookinfo~bookinfo.svc.cluster.local`],
    );
    const shown = certificateAt(address, proxy.tlsPort);
    if (shown !== undefined) assert.deepEqual(shown, { uri: PRINCIPAL, serial: control.issued[0]?.serial });
    assert.equal((await request({ url: `http://${address}:${numbers.health}/healthz/ready` })).status, 200);
    await until('the application listens', async () =>
      /app_metric/.test((await request({ url: `http://${address}:${numbers.metrics}/stats/prometheus` })).text()),
    );
    const metrics = (await request({ url: `http://${address}:${numbers.metrics}/stats/prometheus` })).text();
    assert.match(metrics, /proxy_metric 1\napp_metric 1\n[^]*meltemi_agent_control_plane_connected 1/);
    assert.ok(!metrics.includes('# EOF'));
    const line = events.find((event) => event.t === 'line' && event.source === 'stdout');
    const env = JSON.parse(line?.t === 'line' ? line.text : '{}') as Record<string, string>;
    assert.deepEqual(
      [env['HOST'], env['PORT'], env['RATINGS_SERVICE_HOST'], env['RATINGS_SERVICE_PORT'], env['RATINGS_PORT_9080_TCP_ADDR']],
      [address, '9080', '127.240.1.2', '9080', '127.240.1.2'],
    );
    assert.ok(events.some((event) => event.t === 'interception' && event.mode === 'ports' && event.limits.length > 0));
    const order = events.flatMap((event) => (event.t === 'proxy' || event.t === 'application' ? [`${event.t} ${event.state}`] : []));
    assert.deepEqual(order.slice(0, 3), ['proxy starting', 'proxy ready', 'application started'], 'nothing is called before its proxy serves');
    running.signal('SIGTERM');
    assert.equal(await running.exited, 5);
    assert.throws(() => process.kill(proxy.pid, 0), { code: 'ESRCH' });
  } finally {
    await running.stop();
    await control.kill();
  }
});

test('who has little time stops by force what does not end by itself', async () => {
  const deaf = `process.on('SIGTERM',()=>{});require('http').createServer((q,s)=>s.end()).listen(+process.env.PORT,process.env.HOST)`;
  const { running, control, events } = await workload({
    address: '127.77.0.9',
    extra: { application: { command: [process.execPath, '-e', deaf], cwd: process.cwd(), env: process.env } },
  });
  try {
    await running.ready;
    const begun = performance.now();
    await running.stop(100);
    assert.ok(performance.now() - begun < 2_500, 'the usual grace is 3 s');
    assert.deepEqual(
      events.filter((event) => event.t === 'application' && event.state === 'exited'),
      [{ t: 'application', state: 'exited', signal: 'SIGKILL' }],
    );
  } finally {
    await control.kill();
  }
});

test('an application that listens on all addresses keeps the sidecar from its port: the start says so, and what to do', async () => {
  const application = createServer().listen(0, '0.0.0.0');
  await once(application, 'listening');
  const { port } = application.address() as { port: number };
  const { running, control, events } = await workload({ address: '127.77.0.12', extra: { appPorts: [{ number: port, protocol: 'http' }] } });
  try {
    await assert.rejects(running.ready, (error: MeshError) => {
      assert.equal(error.code, 'interception/port-taken');
      assert.match(error.message, new RegExp(`reviews-v2 cannot listen on 127\\.77\\.0\\.12:${port}: [^]*0\\.0\\.0\\.0[^]*503[^]*Fix: [^]*--port`));
      return true;
    });
    assert.deepEqual([await running.exited, events.some(({ t }) => t === 'proxy')], [1, false], 'no proxy that nobody can call');
  } finally {
    await running.stop();
    await control.kill();
    application.close();
  }
});

test('with the control plane dead, a killed proxy is back within 2 s with identity and configuration; then everything re-syncs', async () => {
  const address = '127.77.0.3';
  const { running, control, events, ports: numbers, close } = await workload({ address });
  try {
    await running.ready;
    control.set(TYPE_URL.cluster, [resource('kept'), resource('bad')]);
    await until('the refusal reached the control plane', () => control.refusals.length === 1);
    assert.deepEqual(control.refusals, ['bad: cluster bad is bad']);
    assert.ok(events.some((event) => event.t === 'rejected' && event.message.includes('bad')));
    await control.kill();
    await until('the agent noticed', () => events.at(-1)?.t === 'control-plane');
    const before = await see(address, numbers.admin);
    process.kill(before.pid, 'SIGKILL');
    const back = await until('the proxy is back', async () => {
      const now = await see(address, numbers.admin);
      return now.pid !== before.pid && now.clusters.includes('kept') && now.secrets > 0;
    });
    assert.ok(back < 2000, `${back} ms`);
    const after = await see(address, numbers.admin);
    assert.deepEqual(after.clusters, ['kept']);
    const shown = certificateAt(address, after.tlsPort);
    if (shown !== undefined) assert.deepEqual(shown, { uri: PRINCIPAL, serial: control.issued[0]?.serial });
    control.set(TYPE_URL.cluster, [resource('kept'), resource('new')]);
    await control.restart();
    assert.ok((await until('re-synced', async () => (await see(address, numbers.admin)).clusters.includes('new'))) < 5000);
    assert.equal(control.issued.length, 1, 'no new certificate was needed');
  } finally {
    await close();
  }
});

test('an application is an endpoint from its listening on until it ends, over every stream; one that ends before was never there', async () => {
  const program = (script: string): Partial<WorkloadOptions> => ({
    application: { command: [process.execPath, '-e', script], cwd: process.cwd(), env: process.env },
  });
  // It listens when it is told to, and stops listening when it is told again.
  const script = `const s=require('net').createServer();let n=0;process.on('SIGUSR2',()=>n++?s.close():s.listen(+process.env.PORT,process.env.HOST));setInterval(()=>{},1e3);console.log('up')`;
  const { running, control, events, close } = await workload({ address: '127.77.0.12', extra: program(script) });
  try {
    await until('the application is up', () => Promise.resolve(events.some((event) => event.t === 'line' && event.text === 'up')));
    const early = await Promise.race([running.ready.then(() => 'ready'), new Promise((resolve) => setTimeout(resolve, 300, 'waiting'))]);
    assert.deepEqual([early, control.health], ['waiting', []], 'started is not yet there');
    const pid = events.flatMap((event) => (event.t === 'application' && event.pid !== undefined ? [event.pid] : []))[0] ?? 0;
    process.kill(pid, 'SIGUSR2');
    await running.ready;
    assert.deepEqual(control.health, ['healthy']);
    await control.kill();
    await control.restart();
    await until('a new stream tells it again', () => Promise.resolve(control.health.length === 2));
    process.kill(pid, 'SIGUSR2');
    await until('closed', () => Promise.resolve(control.health.length === 3), 10_000);
    assert.deepEqual(control.health, ['healthy', 'healthy', 'nothing listens on 127.77.0.12:9080']);
  } finally {
    await close();
  }
  const short = await workload({ address: '127.77.0.13', extra: program('process.exit(3)') });
  try {
    await assert.rejects(short.running.ready, /ended \(exit code 3\) before it listened on 9080/);
    assert.deepEqual([await short.running.exited, short.control.health.includes('healthy')], [3, false]);
  } finally {
    await short.close();
  }
});

test('short-lived certificates are renewed with the current one, and reach the proxy', async () => {
  const address = '127.77.0.4';
  const { running, control, ports: numbers, close } = await workload({ address, ttlMs: 4000 });
  try {
    await running.ready;
    await until('two renewals', () => control.issued.length >= 3);
    assert.deepEqual(
      control.issued.slice(0, 3).map(({ by, principal }) => [by, principal]),
      [
        ['token', PRINCIPAL],
        ['certificate', PRINCIPAL],
        ['certificate', PRINCIPAL],
      ],
    );
    await until('the proxy has it', async () => (await see(address, numbers.admin)).secrets >= 3);
    const { tlsPort } = await see(address, numbers.admin);
    const shown = certificateAt(address, tlsPort);
    if (shown !== undefined) assert.ok(control.issued.slice(2).some(({ serial }) => serial === shown.serial));
    await until('there is one stream, on the newest connection', () => control.streams === 1);
  } finally {
    await close();
  }
});

test('a used token is refused at once and leaves nothing; so does a stop in the middle of the start', async () => {
  const address = '127.77.0.5';
  const control = await startFakeControlPlane();
  const join = control.join(identity, address);
  const runDirectory = `/tmp/mlt-test-${process.pid}`;
  const options: WorkloadOptions = {
    type: 'sidecar',
    identity,
    appPorts: [],
    interception: 'ports',
    controlPlane: { t: 'joined', result: join },
    dataPlane: { t: 'embedded', command: FAKE_PROXY },
    ports: await ports(address),
    drainMs: 0,
    runDirectory,
  };
  const first = await runWorkload(options);
  await first.ready;
  assert.ok(existsSync(runDirectory));
  await first.stop();
  const second = await runWorkload(options);
  await assert.rejects(second.ready, { code: 'identity/refused' });
  assert.equal(await second.exited, 1);
  for (const delayMs of [0, 20, 60]) {
    const early = await runWorkload({ ...options, controlPlane: { t: 'joined', result: control.join(identity, address) } });
    await new Promise((resolve) => setTimeout(resolve, delayMs));
    await early.stop();
    await assert.rejects(early.ready, { code: 'agent/stopped' });
  }
  await control.kill();
  assert.ok(!existsSync(runDirectory));
});
