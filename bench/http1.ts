// HTTP/1.1 with small messages: requests per CPU-second, latency added, memory.
import { runBench } from './lib/bench.ts';
import { meshCase, plainCase } from './lib/cases.ts';
import { addedLatency } from './lib/latency.ts';
import { hasWrk, http1Load } from './lib/load.ts';

const LOAD = `${hasWrk ? 'wrk -c64 -t1' : 'own load generator, 64 connections'}: GET with five request headers, answer of 1 KiB`;

/** `npm run bench -- http1`. */
export const run = (args: readonly string[]): Promise<void> =>
  runBench(
    {
      name: 'http1',
      title: 'small messages over HTTP/1.1',
      cases: [
        plainCase('plain', `one route, one cluster, request ids; ours also keeps Istio's standard metrics. ${LOAD}`, {
          load: http1Load(),
          rivals: 'http',
          floor: { meltemi: 2, bun: 3.2 },
          goal: { meltemi: 2.6, bun: 4 },
        }),
        meshCase(
          'mesh',
          "100 routes (33 by prefix, 33 by regular expression, 33 by header, the default with weights 90/10, retries and time-out), mutual TLS upstream (TLS 1.3, SAN check), trace context made and passed on (1 % sampled), every request logged in Istio's format to a file",
          100,
          { load: http1Load(), floor: { meltemi: 1.7, bun: 2.8 }, goal: { meltemi: 2, bun: 3.7 } },
        ),
      ],
      warm: { requests: 150_000, maxSeconds: 14 },
      more: addedLatency,
    },
    args,
  );
