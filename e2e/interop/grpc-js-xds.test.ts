import assert from 'node:assert/strict';
import { fork, type ChildProcess } from 'node:child_process';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import * as grpc from '@grpc/grpc-js';
import { silentLog } from '@meltemi/base';
import { startControlPlane, type ControlPlane } from '@meltemi/control-plane';

const HOST = 'echo.example.com';

/** An unmeshed gRPC server that answers with its name. */
async function startEcho(name: string): Promise<{ port: number; close(): void }> {
  const server = new grpc.Server();
  const raw = (bytes: Buffer): Buffer => bytes;
  const method = {
    path: '/echo.Echo/Who',
    requestStream: false,
    responseStream: false,
    requestSerialize: raw,
    requestDeserialize: raw,
    responseSerialize: raw,
    responseDeserialize: raw,
  };
  server.addService({ who: method } as never, {
    who: (_: grpc.ServerUnaryCall<Buffer, Buffer>, done: grpc.sendUnaryData<Buffer>) => done(null, Buffer.from(name)),
  });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) => (error === null ? resolve(bound) : reject(error)));
  });
  return { port, close: () => server.forceShutdown() };
}

function serviceEntry(v1: number, v2: number): string {
  return `apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: echo, namespace: default }
spec:
  hosts: [${HOST}]
  location: MESH_EXTERNAL
  resolution: STATIC
  ports: [{ number: 80, name: grpc, protocol: GRPC }]
  endpoints:
  - { address: 127.0.0.1, ports: { grpc: ${v1} }, labels: { version: v1 } }
  - { address: 127.0.0.1, ports: { grpc: ${v2} }, labels: { version: v2 } }
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: echo, namespace: default }
spec:
  host: ${HOST}
  subsets:
  - { name: v1, labels: { version: v1 } }
  - { name: v2, labels: { version: v2 } }
`;
}

function virtualService(v1: number, v2: number): string {
  return `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: echo, namespace: default }
spec:
  hosts: [${HOST}]
  http:
  - route:
    - { destination: { host: ${HOST}, subset: v1 }, weight: ${v1} }
    - { destination: { host: ${HOST}, subset: v2 }, weight: ${v2} }
`;
}

interface World extends AsyncDisposable {
  readonly plane: ControlPlane;
  readonly warnings: string[];
  write(file: string, content: string): void;
  calls(count: number): Promise<Record<string, number>>;
  acknowledged(): Promise<void>;
}

async function startWorld(files: Record<string, string>): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), 'meltemi-xds-'));
  const configs = mkdtempSync(join(tmpdir(), 'meltemi-xds-config-'));
  const warnings: string[] = [];
  const write = (file: string, content: string): void => {
    writeFileSync(join(folder, file), content);
    renameSync(join(folder, file), join(configs, file));
  };
  for (const [file, content] of Object.entries(files)) write(file, content);
  const plane = await startControlPlane({
    stateDir: folder,
    configPaths: [configs],
    bind: '127.0.0.1',
    consolePort: 0,
    apiPort: 0,
    xdsPort: 0,
    plaintextXdsPort: 0,
    adminToken: 'test',
    trustDomain: 'cluster.local',
    workloadTtlMs: 3_600_000,
    accessLog: 'off',
    tracingSamplingPercent: 0,
    version: 'test',
    log: { ...silentLog, warn: (message, fields) => warnings.push(`${message} ${JSON.stringify(fields)}`) },
  });
  const client = startClient(plane.plaintextXdsAddress ?? '');
  return {
    plane,
    warnings,
    write,
    async calls(count) {
      const answer = new Promise<Record<string, number>>((resolve) =>
        client.once('message', (message) => resolve(message as Record<string, number>)),
      );
      client.send({ calls: count });
      return answer;
    },
    async acknowledged() {
      const response = await fetch(`${plane.apiUrl}/meltemi/v1/acknowledged?timeoutMs=5000`);
      assert.deepEqual(((await response.json()) as { t: string }).t, 'acknowledged');
    },
    async [Symbol.asyncDispose]() {
      const exited = new Promise<void>((resolve) => client.once('exit', () => resolve()));
      client.disconnect();
      await exited;
      await plane.close();
      for (const path of [folder, configs]) rmSync(path, { recursive: true, force: true });
    },
  };
}

function startClient(xdsAddress: string): ChildProcess {
  const bootstrap = {
    xds_servers: [{ server_uri: xdsAddress, channel_creds: [{ type: 'insecure' }], server_features: ['xds_v3'] }],
    // gRPC insists on a locality.
    node: { id: 'grpc-client', locality: { region: 'r', zone: 'z' }, metadata: { GENERATOR: 'grpc', NAMESPACE: 'default' } },
  };
  return fork(join(import.meta.dirname, 'programs/xds-echo-client.ts'), [`${HOST}:80`], {
    env: { ...process.env, GRPC_XDS_BOOTSTRAP_CONFIG: JSON.stringify(bootstrap) },
  });
}

/** Asks again until the answers are as wanted: a change needs some milliseconds to arrive. */
async function eventually(world: World, wanted: (answers: Record<string, number>) => boolean): Promise<void> {
  const deadline = performance.now() + 5_000;
  let answers: Record<string, number> = {};
  while (performance.now() < deadline) {
    answers = await world.calls(40);
    if (wanted(answers)) return;
  }
  assert.fail(`last answers: ${JSON.stringify(answers)}`);
}

const isOnly = (name: string) => (answers: Record<string, number>) => Object.keys(answers).join() === name;

test('gRPC with its own xDS client resolves a ServiceEntry, follows weights and a move of endpoints, and refuses nothing', async () => {
  const [one, two, moved] = await Promise.all(['one', 'two', 'moved'].map(startEcho));
  await using world = await startWorld({ 'echo.yaml': serviceEntry(one!.port, two!.port), 'route.yaml': virtualService(100, 0) });
  try {
    assert.deepEqual(await world.calls(50), { one: 50 });

    world.write('route.yaml', virtualService(50, 50));
    await eventually(world, (answers) => (answers['two'] ?? 0) > 0);
    await world.acknowledged();
    const half = await world.calls(600);
    // 600 fair draws stay within ±75 of 300 but once in 10^9.
    assert.ok(Math.abs((half['one'] ?? 0) - 300) < 75, JSON.stringify(half));
    assert.equal((half['one'] ?? 0) + (half['two'] ?? 0), 600);

    world.write('route.yaml', virtualService(100, 0));
    await eventually(world, isOnly('one'));
    world.write('echo.yaml', serviceEntry(moved!.port, two!.port));
    await eventually(world, isOnly('moved'));
    await world.acknowledged();

    const response = await fetch(`${world.plane.apiUrl}/meltemi/v1/proxies`);
    const { proxies } = (await response.json()) as { proxies: { types: { type: string; state: string }[] }[] };
    assert.deepEqual(
      proxies.map(({ types }) => types),
      [['CDS', 'EDS', 'LDS', 'RDS'].map((type) => ({ type, state: 'SYNCED' }))],
    );
    assert.deepEqual(world.warnings, []);
  } finally {
    for (const echo of [one, two, moved]) echo?.close();
  }
});
