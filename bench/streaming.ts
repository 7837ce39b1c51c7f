// Bidirectional streams of gRPC: messages per CPU-second.
import { runBench } from './lib/bench.ts';
import { meshCase, plainCase } from './lib/cases.ts';
import { nodeLoad } from './lib/load.ts';

/** `npm run bench -- streaming`. */
export const run = (args: readonly string[]): Promise<void> => {
  const load = nodeLoad('stream-load-node.ts');
  const bounds = { http2: true, floor: { meltemi: 2.3, bun: 3 }, goal: { meltemi: 3, bun: 4 } };
  return runBench(
    {
      name: 'streaming',
      title: 'bidirectional streams of gRPC; what is counted is messages of 128 bytes',
      backend: 'echo',
      cases: [
        plainCase('plain', 'one route; 4 connections with 8 streams each, a message goes out when the one before has come back', { load, ...bounds }),
        meshCase('mesh', '100 routes, mutual TLS upstream, trace context, access log', 100, { load, ...bounds }),
      ],
      warm: { requests: 100_000, maxSeconds: 8 },
    },
    args,
  );
};
