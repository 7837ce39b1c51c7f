// How the cost of a request grows with the number of connections, and what a connection costs in memory.
import { runBench } from './lib/bench.ts';
import { plainCase } from './lib/cases.ts';
import { http1Load } from './lib/load.ts';
import { idleConnections } from './lib/idle.ts';

/** `npm run bench -- connections`. */
export const run = (args: readonly string[]): Promise<void> =>
  runBench(
    {
      name: 'connections',
      title: 'HTTP/1.1 with few and many connections',
      cases: [1, 100, 1000].map((connections) =>
        plainCase(String(connections), `plain, wrk -c${connections} -t1`, { load: http1Load({ connections }), rivals: 'http' }),
      ),
      warm: { requests: 50_000, maxSeconds: 6 },
      more: idleConnections,
    },
    args,
  );
