// Bytes that go through as they are: small exchanges and answers of 1 MiB, in clear and with mutual TLS upstream.
import { LARGE } from './lib/backend.ts';
import { runBench } from './lib/bench.ts';
import { tcpCase } from './lib/cases.ts';
import { http1Load } from './lib/load.ts';

const SMALL = { floor: { meltemi: 0.85, bun: 0.95 }, goal: { meltemi: 1, bun: 1 } };
const BODIES = { floor: { meltemi: 0.5, bun: 0.8 }, goal: { meltemi: 0.7, bun: 1 } };

/** `npm run bench -- tcp`. */
export const run = (args: readonly string[]): Promise<void> =>
  runBench(
    {
      name: 'tcp',
      title: 'TCP proxy',
      cases: [
        tcpCase('small', 'wrk -c64 -t1 through the TCP proxy, request of 230 bytes, answer of 1 KiB', false, {
          load: http1Load(),
          rivals: 'tcp',
          ...SMALL,
        }),
        tcpCase('small-mtls', 'the same, mutual TLS upstream', true, { load: http1Load(), ...SMALL }),
        tcpCase('1MiB', 'answers of 1 MiB, 16 connections', false, { load: http1Load({ connections: 16, path: LARGE }), rivals: 'tcp', ...BODIES }),
        tcpCase('1MiB-mtls', 'the same, mutual TLS upstream', true, { load: http1Load({ connections: 16, path: LARGE }), ...BODIES }),
      ],
      warm: { requests: 100_000, maxSeconds: 6 },
    },
    args,
  );
