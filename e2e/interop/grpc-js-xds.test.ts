import assert from 'node:assert/strict';
import { fork, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import * as grpc from '@grpc/grpc-js';
import { eventually } from '../testkit/load.ts';
import { startControlPlaneProcess, type ControlPlaneProcess } from './control-plane-process.ts';

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
  readonly plane: ControlPlaneProcess;
  /** Changes a file of the watched folder. */
  edit(file: string, content: string): void;
  /** `meltemi apply --wait`: resolves when the client has acknowledged it. */
  apply(yaml: string): Promise<void>;
  /** Makes so many calls; who answered how often. */
  calls(count: number): Promise<Record<string, number>>;
}

async function startWorld(files: Readonly<Record<string, string>>, first: string): Promise<World> {
  const configs = mkdtempSync(join(tmpdir(), 'meltemi-xds-config-'));
  const edit = (file: string, content: string): void => writeFileSync(join(configs, file), content);
  for (const [file, content] of Object.entries(files)) edit(file, content);
  const plane = await startControlPlaneProcess(['--config', configs]);
  const apply = async (yaml: string): Promise<void> => {
    const { code, stdout, stderr } = await plane.cli(['apply', '--wait', '-f', '-'], yaml);
    assert.equal(code, 0, `${stdout}${stderr}`);
  };
  await apply(first);
  const client = startClient(plane.plaintextXds);
  return {
    plane,
    edit,
    apply,
    async calls(count) {
      const answer = new Promise<Record<string, number>>((resolve) =>
        client.once('message', (message) => resolve(message as Record<string, number>)),
      );
      client.send({ calls: count });
      return answer;
    },
    async [Symbol.asyncDispose]() {
      const exited = new Promise<void>((resolve) => client.once('exit', () => resolve()));
      client.disconnect();
      await exited;
      await plane[Symbol.asyncDispose]();
      rmSync(configs, { recursive: true, force: true });
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

/** Asks again until only `name` answers: what the watched folder brings needs some milliseconds to arrive. */
async function onlyFrom(world: World, name: string): Promise<void> {
  await eventually(`only ${name} answers`, 5_000, async () => {
    const answers = await world.calls(20);
    return Object.keys(answers).join() === name ? true : undefined;
  });
}

test('gRPC with its own xDS client resolves a ServiceEntry, follows weights and a move of endpoints, and refuses nothing', async () => {
  const [one, two, moved] = await Promise.all(['one', 'two', 'moved'].map(startEcho));
  try {
    await using world = await startWorld({ 'echo.yaml': serviceEntry(one!.port, two!.port) }, virtualService(100, 0));
    assert.match(world.plane.plaintextXds, /^127\.0\.0\.1:\d+$/);
    assert.deepEqual(await world.calls(50), { one: 50 });

    await world.apply(virtualService(50, 50));
    await eventually('both answer', 5_000, async () => (Object.keys(await world.calls(20)).length === 2 ? true : undefined));
    const half = await world.calls(600);
    // 600 fair draws stay within ±75 of 300 but once in 10^9.
    assert.ok(Math.abs((half['one'] ?? 0) - 300) < 75, JSON.stringify(half));
    assert.equal((half['one'] ?? 0) + (half['two'] ?? 0), 600);

    await world.apply(virtualService(100, 0));
    await onlyFrom(world, 'one');
    world.edit('echo.yaml', serviceEntry(moved!.port, two!.port));
    await onlyFrom(world, 'moved');

    const status = await world.plane.cli(['proxy-status', '-o', 'json']);
    assert.equal(status.code, 0, status.stderr);
    const proxies = JSON.parse(status.stdout) as { types: { type: string; state: string }[] }[];
    assert.deepEqual(
      proxies.map(({ types }) => types),
      [['CDS', 'EDS', 'LDS', 'RDS'].map((type) => ({ type, state: 'SYNCED' }))],
    );
    assert.doesNotMatch(world.plane.log(), /refused/);

    // The control plane's own metrics tell the same.
    const metrics = await (await fetch(`${world.plane.apiUrl}/metrics`)).text();
    assert.match(metrics, /^pilot_xds\{version="[^"]+"\} 1$/m);
    for (const type of ['cds', 'eds', 'lds', 'rds']) {
      assert.match(metrics, new RegExp(`^pilot_xds_pushes\\{type="${type}"\\} [1-9]`, 'm'));
      assert.match(metrics, new RegExp(`^pilot_total_xds_rejects\\{type="${type}"\\} 0$`, 'm'));
      assert.match(metrics, new RegExp(`^pilot_xds_${type}_reject 0$`, 'm'));
    }
    assert.match(metrics, /^pilot_proxy_convergence_time_count [1-9]/m);
    assert.match(metrics, /^pilot_virt_services 1$/m);
    assert.match(metrics, /^pilot_services 1$/m);
  } finally {
    for (const echo of [one, two, moved]) echo?.close();
  }
});
