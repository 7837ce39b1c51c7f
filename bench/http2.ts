// gRPC-like requests over HTTP/2 per CPU-second of the embedded sidecar against Envoy's, with the same resources, interleaved in one run.
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startAll, type Case, type Field } from './lib/field.ts';
import { grpcLoad, hasH2load } from './lib/h2load.ts';
import type { Measured } from './lib/processes.ts';
import { throughput, type Goals } from './lib/rounds.ts';

/** Goals of the project for HTTP/2 in clear; the mesh case is printed. */
const GOALS: Goals = { meltemi: { plain: 2.3, mesh: 1.7 }, bun: { plain: 3, mesh: 2.3 } };
const WARM = { requests: 300_000, maxSeconds: 14 };

/** `npm run bench -- http2`. */
export async function run(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: 'string', default: '7' },
      seconds: { type: 'string', default: '4' },
      case: { type: 'string', default: 'plain,mesh' },
      loud: { type: 'boolean', default: false },
    },
  });
  if (!hasH2load) throw new Error('h2load is not installed (Debian: nghttp2-client)');
  const directory = mkdtempSync(join(tmpdir(), 'meltemi-bench-'));
  const running: Measured[] = [];
  try {
    const field = await startAll(directory, running, { loud: values.loud, http2: true });
    const rounds = { count: Number(values.rounds), seconds: Number(values.seconds), warm: WARM, load: grpcLoad(directory), goals: GOALS };
    describe(field, rounds.count, rounds.seconds);
    const cases = values.case.split(',').filter((name): name is Case => name === 'plain' || name === 'mesh');
    for (const name of cases) await throughput(name, field.list, rounds);
    for (const proxy of field.list) console.log(`resident memory after the run: ${proxy.name} ${proxy.process.residentMb().toFixed(0)} MB`);
  } finally {
    await Promise.all(running.map((each) => each.stop()));
    rmSync(directory, { recursive: true, force: true });
  }
}

/** What ran where: a ratio says nothing without it. */
function describe(field: Field, rounds: number, seconds: number): void {
  console.log(`${cpus().length} CPUs (${cpus()[0]?.model ?? ''}), ${process.platform} ${release()}`);
  console.log(
    `load: h2load -c4 -m32 -t1, POST with a gRPC message of 128 bytes, answer of 1 KiB; HTTP/2 on both sides; backend ${field.backend}; ${rounds} rounds of ${seconds} s, interleaved, order reversed each round, after ${WARM.requests} requests or ${WARM.maxSeconds} s of warm-up`,
  );
  for (const { name, version } of field.list) console.log(`${name.padEnd(8)} ${version}, one traffic thread`);
  console.log('plain: one route, one cluster, request ids, standard metrics (Envoy: its own stats), HTTP/2 in clear');
  console.log(
    'mesh:  100 routes, weights, retries, time-out, mTLS upstream (TLS 1.3, SAN check), trace context, access log of every request to a file',
  );
  console.log('the same xDS resources for all; stock Envoy makes no istio_* metrics, we do');
}
