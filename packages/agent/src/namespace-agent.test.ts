import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ProtoWriter, WireType } from '@meltemi/base';
import { request } from '@meltemi/http';
import { TYPE_URL } from '@meltemi/protos-types';
import { chooseInterception, createBridge, runWorkload } from './index.ts';
import { runTool } from './interception/netns/commands.ts';
import { startFakeControlPlane } from './testing/fake-control-plane.ts';
import type { WorkloadEvent } from './types.ts';

const able = await chooseInterception('auto');
const skip = able.mode === 'netns' ? false : `needs root on Linux with ip and nft: ${able.reason}`;
const program = (name: string): string => fileURLToPath(new URL(`./testing/${name}`, import.meta.url));
const identity = { namespace: 'bookinfo', serviceAccount: 'default', workload: 'ratings-v1', app: 'ratings', version: 'v1', labels: {} };

/** Prints what a workload sees of its surroundings, then waits. */
const APPLICATION = `
const dns=require('dns').promises,fs=require('fs');
(async()=>{const look=async n=>{try{return (await dns.resolve4(n))[0]}catch(e){return e.code}};
console.log(JSON.stringify({host:process.env.HOST,uid:process.getuid(),gid:process.getgid(),reviews:await look('reviews'),full:await look('reviews.bookinfo.svc.cluster.local'),resolv:fs.readFileSync('/etc/resolv.conf','utf8').includes('meltemi')}));
require('net').createServer().listen(9080)})()`;

function nameTable(): Uint8Array {
  const writer = new ProtoWriter();
  const entry = writer.tag(1, WireType.bytes).begin();
  writer.tag(1, WireType.bytes).string('reviews.bookinfo.svc.cluster.local').tag(2, WireType.bytes);
  const info = writer.begin();
  for (const [field, text] of [
    [1, '240.240.0.7'],
    [2, 'Kubernetes'],
    [3, 'reviews'],
    [4, 'bookinfo'],
  ] as const)
    writer.tag(field, WireType.bytes).string(text);
  return writer.finish(info).finish(entry).take();
}

async function setup() {
  const bridge = await createBridge();
  const control = await startFakeControlPlane({ host: bridge.network.gateway });
  control.set(TYPE_URL.cluster, [{ name: 'c', version: '1', bytes: Uint8Array.of() }]);
  control.set(TYPE_URL.nameTable, [{ name: 'table', version: '1', bytes: nameTable() }]);
  const address = bridge.network.gateway.replace(/1$/, '9');
  const events: WorkloadEvent[] = [];
  const options = {
    type: 'sidecar' as const,
    identity,
    appPorts: [{ number: 9080, protocol: 'http' }],
    interception: 'netns' as const,
    controlPlane: { t: 'joined' as const, result: { ...control.join(identity, address), network: bridge.network } },
    dataPlane: { t: 'embedded' as const, command: [process.execPath, program('fake-proxy.ts')] },
    agentCommand: [process.execPath, program('agent-worker.ts')],
    drainMs: 0,
    onEvent: (event: WorkloadEvent) => void events.push(event),
  };
  return { bridge, control, address, events, options, close: () => Promise.all([control.kill(), bridge.close()]) };
}

async function nothingLeft(): Promise<void> {
  const own = `mlt-${process.pid}-`;
  assert.ok(!(await runTool('ip', ['-o', 'link'])).includes(own) && !(await runTool('ip', ['netns'])).includes(own));
}

test('the whole agent lives in a namespace: names, groups, proxy, exit code; and nothing is left', { skip }, async () => {
  const { options, address, control, events, close } = await setup();
  const running = await runWorkload({
    ...options,
    application: { command: [process.execPath, '-e', APPLICATION], cwd: process.cwd(), env: process.env },
  });
  try {
    await running.ready;
    const told = (): string | undefined => events.flatMap((event) => (event.t === 'line' && event.source === 'stdout' ? [event.text] : []))[0];
    while (told() === undefined) await new Promise((resolve) => setTimeout(resolve, 10));
    assert.deepEqual(JSON.parse(told() ?? ''), {
      host: '0.0.0.0',
      uid: 0,
      gid: process.getgid?.(),
      reviews: '240.240.0.7',
      full: '240.240.0.7',
      resolv: true,
    });
    assert.equal((await request({ url: `http://${address}:15021/healthz/ready` })).status, 200, 'health from the host');
    const seen = (await request({ url: `http://${address}:15000/seen` })).json() as { pid: number };
    assert.match(readFileSync(`/proc/${seen.pid}/status`, 'utf8'), /^Gid:\s+1337\s/m);
    process.kill(seen.pid, 'SIGKILL');
    const since = performance.now();
    for (let pid = seen.pid; pid === seen.pid;) {
      pid = await request({ url: `http://${address}:15000/seen`, timeoutMs: 500 }).then(
        (r) => (r.json() as { pid: number }).pid,
        () => seen.pid,
      );
    }
    assert.ok(performance.now() - since < 2000);
    assert.equal(control.issued.length, 1);
    running.signal('SIGINT');
    assert.equal(await running.exited, 130);
  } finally {
    await running.stop();
    await close();
  }
  await nothingLeft();
});

test('a control plane without a bridge: who leaves the choice to us takes ports; who asks for a namespace is told', { skip }, async () => {
  const asked: unknown[] = [];
  const server = createServer(async (incoming, answer) => {
    let body = '';
    for await (const chunk of incoming) body += String(chunk);
    const { interception } = JSON.parse(body) as { interception: string };
    asked.push(interception);
    const code = interception === 'netns' ? 'join/no-network' : 'join/enough';
    answer.writeHead(503, { 'content-type': 'application/json' }).end(JSON.stringify({ code, message: 'no' }));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const controlPlane = { t: 'server' as const, url: `http://127.0.0.1:${(server.address() as { port: number }).port}`, token: 't' };
  const told: unknown[] = [];
  const onEvent = (event: WorkloadEvent): void => void (event.t === 'interception' && told.push(event.mode));
  const options = { type: 'sidecar', identity, appPorts: [], controlPlane, dataPlane: { t: 'embedded', command: [] }, onEvent } as const;
  const application = { command: ['true'], cwd: '/', env: {} };
  try {
    await assert.rejects(runWorkload({ ...options, application, interception: 'auto' }), { code: 'join/enough' });
    await assert.rejects(runWorkload({ ...options, application, interception: 'netns' }), { code: 'join/no-network' });
    assert.deepEqual([asked.splice(0), told], [['netns', 'ports', 'netns'], ['ports']]);
    await assert.rejects(runWorkload({ ...options, interception: 'auto' }), { code: 'join/enough' });
    assert.deepEqual(asked, ['ports'], 'an application that something else starts is in no namespace of ours');
  } finally {
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  }
});

test('an agent that is killed takes everything along at once, and calls are refused at once as long as others may make them', { skip }, async () => {
  const { options, address, close } = await setup();
  const script = `
    import { runWorkload } from ${JSON.stringify(new URL('./index.ts', import.meta.url).href)};
    const running = await runWorkload(JSON.parse(process.env.OPTIONS));
    await running.ready; console.log('ready');
    console.log('ended', await running.exited);
    process.stdin.resume().on('end', () => process.exit());`;
  // What npm does: the server is a grandchild of the agent.
  const command = ['sh', '-c', `${process.execPath} -e 'require("net").createServer().listen(9080)'; true`];
  const given = { ...options, application: { command, cwd: process.cwd(), env: { PATH: process.env['PATH'] } } };
  const launcher = spawn(process.execPath, ['--input-type=module', '-e', script], {
    env: { ...process.env, OPTIONS: JSON.stringify(given) },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface(launcher.stdout)[Symbol.asyncIterator]();
  const next = async (): Promise<unknown> => (await lines.next()).value;
  try {
    assert.equal(await next(), 'ready');
    const namespace = (await runTool('ip', ['netns'])).split(/\s/).find((name) => name.startsWith(`mlt-${launcher.pid}-`)) ?? '';
    const pids = (await runTool('ip', ['netns', 'pids', namespace])).trim().split('\n').map(Number);
    assert.ok(pids.length >= 4, 'agent, proxy, shell and server');
    const agent = pids.find((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('agent-worker'));
    process.kill(agent ?? 0, 'SIGKILL');
    assert.equal(await next(), 'ended 1');
    assert.ok(
      pids.every((pid) => !existsSync(`/proc/${pid}/exe`)),
      'all have ended',
    );
    const socket = connect({ host: address, port: 9080 });
    await assert.rejects(once(socket, 'connect', { signal: AbortSignal.timeout(500) }), { code: 'ECONNREFUSED' });
    launcher.stdin.end();
    await once(launcher, 'exit');
    assert.equal((await runTool('ip', ['netns'])).includes(`mlt-${launcher.pid}-`), false, 'gone with its launcher');
  } finally {
    launcher.kill('SIGKILL');
    await close();
  }
});

test('a program that is not there fails the start, and nothing is left', { skip }, async () => {
  const { options, close } = await setup();
  try {
    const running = await runWorkload({ ...options, application: { command: ['no-such-program'], cwd: process.cwd(), env: process.env } });
    await assert.rejects(running.ready, { code: 'process/cannot-start' });
    assert.equal(await running.exited, 1);
  } finally {
    await close();
  }
  await nothingLeft();
});

test('a launcher that is killed takes agent, proxy and application with it', { skip }, async () => {
  const { options, control, bridge, close } = await setup();
  const launcher = `
    import { runWorkload } from ${JSON.stringify(new URL('./index.ts', import.meta.url).href)};
    const options = JSON.parse(process.env.OPTIONS);
    const running = await runWorkload({ ...options, onEvent: (event) => (event.pid ? console.log(event.t, event.pid) : undefined) });
    await running.ready; console.log('ready');`;
  const given = {
    ...options,
    application: {
      command: [process.execPath, '-e', 'require("net").createServer().listen(9080)'],
      cwd: process.cwd(),
      env: { PATH: process.env['PATH'] },
    },
  };
  const child = spawn(process.execPath, ['--input-type=module', '-e', launcher], {
    env: { ...process.env, OPTIONS: JSON.stringify(given) },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let out = '';
  for await (const chunk of child.stdout) if ((out += String(chunk)).includes('ready\n')) break;
  const pids = [...out.matchAll(/^(?:proxy|application) (\d+)$/gm)].map((match) => Number(match[1]));
  assert.ok(new Set(pids).size === 2, out);
  child.kill('SIGKILL');
  const gone = (pid: number): boolean => !existsSync(`/proc/${pid}`) || /^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  const since = performance.now();
  while (!(pids.every(gone) && control.streams === 0) && performance.now() - since < 10_000) await new Promise((resolve) => setTimeout(resolve, 20));
  assert.ok(pids.every(gone), 'proxy and application ended');
  assert.equal(control.streams, 0);
  // The next start removes the namespace that the killed launcher left.
  const next = await runWorkload({
    ...options,
    controlPlane: { t: 'joined', result: { ...control.join(identity, bridge.network.gateway.replace(/1$/, '10')), network: bridge.network } },
  });
  await next.ready;
  assert.equal((await runTool('ip', ['netns'])).includes(`mlt-${child.pid}-`), false);
  await next.stop();
  await close();
  await nothingLeft();
});
