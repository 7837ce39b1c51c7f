// How the cost of a request grows with the number of routes.
import { runBench } from './lib/bench.ts';
import { meshCase } from './lib/cases.ts';
import { http1Load } from './lib/load.ts';

/** `npm run bench -- routes`. */
export const run = (args: readonly string[]): Promise<void> =>
  runBench(
    {
      name: 'routes',
      title: 'the mesh case with many routes',
      cases: [100, 10_000].map((count) =>
        meshCase(
          String(count),
          `${count} routes, a third each by prefix, regular expression and header; the last one is taken. wrk -c64 -t1`,
          count,
          { load: http1Load() },
        ),
      ),
      warm: { requests: 50_000, maxSeconds: 8 },
    },
    args,
  );
