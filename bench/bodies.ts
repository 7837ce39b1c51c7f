// Answers of 1 MiB over HTTP/1.1.
import { LARGE } from './lib/backend.ts';
import { runBench } from './lib/bench.ts';
import { meshCase, plainCase } from './lib/cases.ts';
import { http1Load } from './lib/load.ts';

const BOUNDS = { floor: { meltemi: 0.5, bun: 0.8 }, goal: { meltemi: 0.7, bun: 1 } };

/** `npm run bench -- bodies`. */
export const run = (args: readonly string[]): Promise<void> =>
  runBench(
    {
      name: 'bodies',
      title: 'answers of 1 MiB over HTTP/1.1',
      cases: [
        plainCase('plain', 'one route; wrk -c16 -t1', { load: http1Load({ connections: 16, path: LARGE }), rivals: 'http', ...BOUNDS }),
        meshCase('mesh', '100 routes, mutual TLS upstream, trace context, access log', 100, {
          load: http1Load({ connections: 16, path: LARGE }),
          ...BOUNDS,
        }),
      ],
      warm: { requests: 20_000, maxSeconds: 6 },
    },
    args,
  );
