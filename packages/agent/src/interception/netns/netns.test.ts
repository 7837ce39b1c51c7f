import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { chooseInterception } from '../choose.ts';
import { addBridgeAddress, createBridge } from './bridge.ts';
import { runTool } from './commands.ts';
import { removeLeftovers } from './leftovers.ts';
import { bridgeName, hostInterfaceName, linkAddress, namespaceName, ownerPid } from './names.ts';
import { PROXY_GID } from './rules.ts';
import { createWorkloadNamespace } from './workload-namespace.ts';

const able = await chooseInterception('auto');
const skip = able.mode === 'netns' ? false : `needs root on Linux with ip and nft: ${able.reason}`;

test('names carry the owner and fit interfaces', () => {
  assert.deepEqual(
    [
      ownerPid(namespaceName(4194304, 12, 'reviews-v1')),
      ownerPid(bridgeName(7)),
      ownerPid(hostInterfaceName(7, 1)),
      ownerPid('eth0'),
      ownerPid('mlt-x-1'),
    ],
    [4194304, 7, 7, undefined, undefined],
  );
  assert.equal(linkAddress('10.211.32.2'), '02:6d:0a:d3:20:02');
  assert.ok(hostInterfaceName(4194304, 99).length <= 15 && bridgeName(4194304).length <= 15);
});

/** Listens in a namespace and says which address and port each connection came in on. */
function catcher(wrap: (command: readonly string[]) => string[], ports: readonly number[], gid: number, then: 'ends' | 'holds' = 'ends') {
  const script = `const net=require('net');let n=${ports.length};for(const p of [${ports.join(',')}])net.createServer(s=>s.${then === 'ends' ? "end(p+' '+s.localPort)" : "resume().on('error',()=>0)"}).listen(p,'0.0.0.0',()=>{if(--n===0)console.log('up')})`;
  const [command = '', ...args] = wrap([process.execPath, '-e', script]);
  return spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'], gid });
}

async function ask(wrap: (command: readonly string[]) => string[], host: string, port: number, gid: number, limitMs = 1000): Promise<string> {
  const script = `const s=require('net').connect(${port},'${host}');s.on('data',d=>process.stdout.write(d));s.on('error',e=>process.stdout.write(e.code));s.setTimeout(${limitMs},()=>{process.stdout.write('timeout');s.destroy()})`;
  const [command = '', ...args] = wrap([process.execPath, '-e', script]);
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'], gid });
  let out = '';
  for await (const chunk of child.stdout) out += String(chunk);
  return out;
}

async function askFromHost(host: string, port: number, localAddress?: string): Promise<string> {
  const socket = connect({ port, host, ...(localAddress === undefined ? {} : { localAddress }) });
  let got = '';
  socket
    .on('data', (chunk) => (got += String(chunk)))
    .on('error', (error) => (got = (error as NodeJS.ErrnoException).code ?? ''))
    .setTimeout(500, () => socket.destroy(void (got = 'timeout')));
  await once(socket, 'close');
  return got;
}

test('a namespace catches what it should, lets through what it should, and leaves nothing', { skip }, async () => {
  const bridge = await createBridge();
  const address = bridge.network.gateway.replace(/1$/, '2');
  const ns = await createWorkloadNamespace({ network: bridge.network, address, workload: 'reviews-v1', meshNamespace: 'bookinfo' });
  const direct = (command: readonly string[]): string[] => [...command];
  const host = createServer((socket) => socket.end('host')).listen(0, bridge.network.gateway);
  await once(host, 'listening');
  const hostPort = (host.address() as { port: number }).port;
  const listening = catcher(ns.wrap, [15000, 15001, 15006, 15021, 9080], PROXY_GID);
  try {
    await once(listening.stdout ?? listening, 'data');
    assert.equal(await ask(ns.wrap, '240.240.0.7', 9080, 0), '15001 15001', 'outbound of the application');
    assert.equal(await ask(ns.wrap, '127.0.0.1', 9080, 0), '9080 9080', 'loopback');
    assert.equal(
      await ask(ns.wrap, bridge.network.gateway, hostPort, 0),
      '15001 15001',
      'the machine of the control plane is a destination like others',
    );
    assert.equal(await ask(ns.wrap, bridge.network.gateway, hostPort, PROXY_GID), 'host', 'agent and proxy reach it');
    assert.equal(await ask(ns.wrap, address, 9080, PROXY_GID), '15006 15006', 'the proxy as a client of its own workload');
    assert.equal(await ask(ns.wrap, address, 9080, 0), '9080 9080', 'the application calls its own address');
    assert.equal(await askFromHost(address, 9080), '15006 15006', 'inbound');
    assert.equal(await askFromHost(address, 15021), '15021 15021', 'health');
    assert.equal(await askFromHost(address, 15006), 'timeout', 'nobody reaches the catching ports');
    const resolv = spawnSync('ip', ns.wrap(['cat', '/etc/resolv.conf']).slice(1), { encoding: 'utf8' }).stdout;
    const lookup = spawnSync('ip', ns.wrap(['cat', '/etc/nsswitch.conf']).slice(1), { encoding: 'utf8' }).stdout;
    assert.ok(lookup === '' || /^hosts: +files dns$/m.test(lookup), lookup);
    assert.match(resolv, /search bookinfo\.svc\.cluster\.local/);
    const other = bridge.network.gateway.replace(/1$/, '3');
    const takeBack = await addBridgeAddress(bridge.network, other);
    assert.equal(await askFromHost(address, 15000), '15000 15000', 'the control plane looks into a proxy');
    assert.equal(await askFromHost(address, 15000, other), 'timeout', 'another workload does not');
    assert.equal(await askFromHost(address, 15021, other), '15021 15021');
    assert.equal(await ask(direct, address, 15021, 0), '15021 15021');
    await takeBack();
  } finally {
    listening.kill('SIGKILL');
    host.close();
    await once(listening, 'exit');
    await ns.close();
    await bridge.close();
  }
  assert.ok(!existsSync(`/run/netns/${ns.name}`) && !existsSync(`/etc/netns/${ns.name}`));
  assert.equal((await runTool('ip', ['-o', 'link'])).includes(`mlt-${process.pid}-`), false);
});

test('nobody reaches an application past its proxy by IPv6', { skip }, async () => {
  const bridge = await createBridge();
  const ns = await createWorkloadNamespace({
    network: bridge.network,
    address: bridge.network.gateway.replace(/1$/, '2'),
    workload: 'a',
    meshNamespace: 'x',
  });
  const script = `require('net').createServer((s)=>s.end('past')).listen(9080,'::',()=>console.log('up'))`;
  const [command = '', ...args] = ns.wrap([process.execPath, '-e', script]);
  const application = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    await once(application.stdout, 'data');
    const addressesOf = (...where: readonly string[]): Promise<string> => runTool('ip', [...where, '-6', '-o', 'addr', 'show']);
    const isTentative = async (): Promise<boolean> => /tentative/.test((await addressesOf('-n', ns.name)) + (await addressesOf()));
    while (await isTentative()) await delay(20);
    const linkLocal = /inet6 (fe80:[0-9a-f:]+)/.exec(await addressesOf('-n', ns.name))?.[1];
    if (linkLocal !== undefined) assert.equal(await askFromHost(`${linkLocal}%${bridge.network.bridge}`, 9080), 'timeout');
  } finally {
    application.kill('SIGKILL');
    await ns.close();
    await bridge.close();
  }
});

test('what an application started ends with its namespace, and who was connected to it learns of it', { skip }, async () => {
  const bridge = await createBridge();
  const address = bridge.network.gateway.replace(/1$/, '2');
  const ns = await createWorkloadNamespace({ network: bridge.network, address, workload: 'a', meshNamespace: 'x' });
  const listening = catcher(ns.wrap, [15006], PROXY_GID, 'holds');
  try {
    await once(listening.stdout ?? listening, 'data');
    const socket = connect({ host: address, port: 9080 }).on('error', () => undefined);
    await once(socket, 'connect');
    const closed = once(socket, 'close', { signal: AbortSignal.timeout(5000) });
    await Promise.all([ns.close(), once(listening, 'exit')]);
    await closed;
  } finally {
    listening.kill('SIGKILL');
    await ns.close();
    await bridge.close();
  }
});

test('workloads that join, leave and come back at the same address cut no connection of the others', { skip }, async () => {
  const bridge = await createBridge();
  const at = (host: number): string => bridge.network.gateway.replace(/1$/, String(host));
  const join = (host: number, workload: string): ReturnType<typeof createWorkloadNamespace> =>
    createWorkloadNamespace({ network: bridge.network, address: at(host), workload, meshNamespace: 'bookinfo' });
  const host = createServer((socket) => socket.end('host')).listen(0, bridge.network.gateway);
  await once(host, 'listening');
  const { port } = host.address() as { port: number };
  const caller = await join(2, 'caller');
  const lowest = `mlt-${process.pid}-low`;
  let called = await join(3, 'called');
  let listening = catcher(called.wrap, [15021], PROXY_GID);
  try {
    await once(listening.stdout ?? listening, 'data');
    assert.equal(await ask(caller.wrap, bridge.network.gateway, port, PROXY_GID), 'host');
    assert.equal(await ask(caller.wrap, at(3), 15021, PROXY_GID), '15021 15021');

    // A bridge without an address of its own takes the lowest of its ports: the neighbours would go on sending to the one they remember.
    await runTool('ip', ['link', 'add', lowest, 'address', '02:00:00:00:00:01', 'type', 'veth', 'peer', 'name', `${lowest}p`]);
    await runTool('ip', ['link', 'set', lowest, 'master', bridge.network.bridge, 'up']);
    assert.equal(await ask(caller.wrap, bridge.network.gateway, port, PROXY_GID), 'host', 'after a port with a low address joined');
    await runTool('ip', ['link', 'del', lowest]);
    assert.equal(await ask(caller.wrap, bridge.network.gateway, port, PROXY_GID), 'host', 'after it left');

    const ended = once(listening, 'exit');
    listening.kill('SIGKILL');
    await ended;
    await called.close();
    called = await join(3, 'called-again');
    listening = catcher(called.wrap, [15021], PROXY_GID);
    await once(listening.stdout ?? listening, 'data');
    assert.equal(await ask(caller.wrap, at(3), 15021, PROXY_GID), '15021 15021', 'another workload at the same address');
  } finally {
    const ended = once(listening, 'exit');
    listening.kill('SIGKILL');
    host.close();
    await ended;
    await runTool('ip', ['link', 'del', lowest]).catch(() => undefined);
    await Promise.all([caller.close(), called.close()]);
    await bridge.close();
  }
});

test('who calls a workload that has gone learns so in seconds, though neighbours remember it', { skip }, async () => {
  const bridge = await createBridge();
  const at = (host: number): string => bridge.network.gateway.replace(/1$/, String(host));
  const join = (host: number): ReturnType<typeof createWorkloadNamespace> =>
    createWorkloadNamespace({ network: bridge.network, address: at(host), workload: `w${host}`, meshNamespace: 'x' });
  const [caller, gone] = [await join(2), await join(3)];
  const call = (wrap: (command: readonly string[]) => string[]): Promise<string> => ask(wrap, at(3), 15021, PROXY_GID, 9000);
  const everybody = (): Promise<string[]> => Promise.all([call((command) => [...command]), call(caller.wrap)]);
  try {
    assert.deepEqual(await everybody(), ['ECONNREFUSED', 'ECONNREFUSED']);
    await gone.close();
    assert.deepEqual(await everybody(), ['EHOSTUNREACH', 'EHOSTUNREACH']);
  } finally {
    await Promise.all([caller.close(), gone.close()]);
    await bridge.close();
  }
});

test('the next start removes what a dead owner left, processes included, and nothing of the living', { skip }, async () => {
  // It lives until all is there: whoever starts in between on this machine removes what the dead have left.
  const owner = spawn(process.execPath, ['-e', 'setTimeout(() => 0, 60_000)'], { stdio: 'ignore' });
  const pid = owner.pid ?? 0;
  const left = await createBridge(pid);
  const leftNamespace = await createWorkloadNamespace({
    network: left.network,
    address: left.network.gateway.replace(/1$/, '2'),
    workload: 'a',
    meshNamespace: 'x',
    pid,
  });
  const alive = await createBridge();
  const aliveNamespace = await createWorkloadNamespace({
    network: alive.network,
    address: alive.network.gateway.replace(/1$/, '2'),
    workload: 'b',
    meshNamespace: 'x',
  });
  const orphan = catcher(leftNamespace.wrap, [9080], 0);
  try {
    await once(orphan.stdout ?? orphan, 'data');
    const ended = once(orphan, 'exit');
    assert.ok(!(await removeLeftovers()).namespaces.includes(leftNamespace.name), 'its owner lives');
    const ownerEnded = once(owner, 'exit');
    owner.kill('SIGKILL');
    await ownerEnded;
    assert.ok(!(await removeLeftovers()).namespaces.includes(aliveNamespace.name));
    assert.ok(existsSync(`/run/netns/${aliveNamespace.name}`) && existsSync(`/sys/class/net/${alive.network.bridge}`));
    assert.ok(
      !existsSync(`/run/netns/${leftNamespace.name}`) &&
        !existsSync(`/sys/class/net/${left.network.bridge}`) &&
        !existsSync(`/etc/netns/${leftNamespace.name}`),
    );
    await ended;
  } finally {
    owner.kill('SIGKILL');
    orphan.kill('SIGKILL');
    await aliveNamespace.close();
    await alive.close();
  }
});
