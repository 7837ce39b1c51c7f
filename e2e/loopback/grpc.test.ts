/** A gRPC application and its caller on the mesh, each started by `meltemi run`: calls, failures and streams by mutual TLS, told in the metrics. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startControlPlaneProcess, type ControlPlaneProcess } from '../testkit/control-plane.ts';
import { eventually } from '../testkit/load.ts';
import { skipOf } from '../testkit/rotation.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PROGRAM = 'e2e/interop/programs/grpc-echo.ts';
const ACCOUNT = 'spiffe://cluster.local/ns/default/sa/default';
const START_LIMIT_MS = 30_000;

interface Workload extends AsyncDisposable {
  said(): string;
}

/** `meltemi run` with these arguments around a program of Node's. */
function run(plane: ControlPlaneProcess, dataPlane: string, args: readonly string[], program: readonly string[]): Workload {
  const token = readFileSync(join(plane.stateDir, 'run', 'token'), 'utf8').trim();
  const child: ChildProcess = spawn(
    process.execPath,
    ['apps/meltemi/src/main.ts', 'run', '--data-plane', dataPlane, '--interception', 'ports', ...args, '--', process.execPath, ...program],
    {
      cwd: ROOT,
      env: { ...process.env, MELTEMI_STATE: plane.stateDir, MELTEMI_SERVER: plane.api, MELTEMI_TOKEN: token },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream?.setEncoding('utf8').on('data', (text: string) => (said += text));
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  return {
    said: () => said,
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM');
      await exited;
    },
  };
}

/** Calls made by the caller, by reporter and gRPC status. */
async function counted(plane: ControlPlaneProcess): Promise<Readonly<Record<string, string>>> {
  const query = 'sum by (reporter, request_protocol, grpc_response_status, connection_security_policy) (istio_requests_total)';
  const response = await fetch(`${plane.console}/prometheus/api/v1/query?query=${encodeURIComponent(query)}`);
  const { data } = (await response.json()) as {
    readonly data: { readonly result: readonly { readonly metric: Record<string, string>; readonly value: readonly [number, string] }[] };
  };
  return Object.fromEntries(
    data.result.map(({ metric, value }) => [
      `${metric['reporter']} ${metric['request_protocol']} ${metric['grpc_response_status']} ${metric['connection_security_policy']}`,
      value[1],
    ]),
  );
}

for (const dataPlane of ['embedded', 'envoy'] as const) {
  test(`${dataPlane}: gRPC on the mesh`, { skip: skipOf(dataPlane), timeout: 120_000 }, async () => {
    await using plane = await startControlPlaneProcess();
    await using server = run(plane, dataPlane, ['--app', 'stock', '--port', '9000:grpc'], [PROGRAM, 'serve']);
    await eventually('the server is in the mesh', START_LIMIT_MS, async () => (/stock-v1 is in the mesh/.test(server.said()) ? true : undefined));
    await using client = run(plane, dataPlane, ['--app', 'caller'], [PROGRAM, 'call', 'stock', '3', 'stay']);
    await eventually('the calls are made', START_LIMIT_MS, async () => (/^CHAT/m.test(client.said()) ? true : undefined));
    const lines = client
      .said()
      .split('\n')
      .filter((line) => /^(OK|CHAT|[A-Z_]+ no such)/.test(line));
    assert.deepEqual(lines, [`OK call 0 ${ACCOUNT}`, `OK call 1 ${ACCOUNT}`, `OK call 2 ${ACCOUNT}`, 'NOT_FOUND no such thing', 'CHAT a,1,2']);
    const all = {
      'destination grpc 0 mutual_tls': '4',
      'destination grpc 5 mutual_tls': '1',
      'source grpc 0 unknown': '4',
      'source grpc 5 unknown': '1',
    };
    const told = await eventually('the metrics tell of both sides', START_LIMIT_MS, async () => {
      const found = await counted(plane);
      return Object.keys(found).length >= Object.keys(all).length ? found : undefined;
    });
    assert.deepEqual(told, all);
  });
}
