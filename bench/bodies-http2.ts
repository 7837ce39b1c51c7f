// Answers of 1 MiB over HTTP/2 on both sides.
import { LARGE } from './lib/backend.ts';
import { runBench } from './lib/bench.ts';
import { meshCase, plainCase } from './lib/cases.ts';
import { hasH2load, http2Load } from './lib/h2load.ts';

const BOUNDS = { http2: true, floor: { meltemi: 0.5, bun: 0.8 }, goal: { meltemi: 0.7, bun: 1 } };

/** `npm run bench -- bodies-http2`. */
export async function run(args: readonly string[]): Promise<void> {
  if (!hasH2load) throw new Error('h2load is not installed (Debian: nghttp2-client)');
  const load = http2Load({ streams: 4, path: LARGE });
  await runBench(
    {
      name: 'bodies-http2',
      title: 'answers of 1 MiB over HTTP/2 on both sides',
      backend: 'http2',
      cases: [
        plainCase('plain', 'one route; h2load -c4 -m4', { load, ...BOUNDS }),
        meshCase('mesh', '100 routes, mutual TLS upstream, trace context, access log', 100, { load, ...BOUNDS }),
      ],
      warm: { requests: 20_000, maxSeconds: 6 },
    },
    args,
  );
}
