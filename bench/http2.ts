// gRPC-like calls over HTTP/2 on both sides: requests per CPU-second, memory.
import { runBench } from './lib/bench.ts';
import { meshCase, plainCase } from './lib/cases.ts';
import { hasH2load, http2Load } from './lib/h2load.ts';

/** `npm run bench -- http2`. */
export async function run(args: readonly string[]): Promise<void> {
  if (!hasH2load) throw new Error('h2load is not installed (Debian: nghttp2-client)');
  const load = http2Load({ streams: 32 });
  const bounds = { floor: { meltemi: 2.3, bun: 3 }, goal: { meltemi: 3, bun: 4 } };
  await runBench(
    {
      name: 'http2',
      title: 'gRPC messages over HTTP/2 on both sides',
      backend: 'http2',
      cases: [
        plainCase('plain', 'one route, HTTP/2 in clear. h2load -c4 -m32: POST with a gRPC message of 128 bytes, answer of 1 KiB', {
          load,
          http2: true,
          ...bounds,
        }),
        meshCase('mesh', '100 routes, weights, retries, time-out, mutual TLS upstream, trace context, access log', 100, {
          load,
          http2: true,
          ...bounds,
        }),
      ],
      warm: { requests: 300_000, maxSeconds: 14 },
    },
    args,
  );
}
