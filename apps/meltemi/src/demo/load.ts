import { startChild } from '../processes/child.ts';
import { bookinfoProgram } from '../resources.ts';

/** Starts the load generator; returns what ends it. */
export function startLoad(url: string, rps: number): () => Promise<void> {
  const child = startChild({
    name: 'the load generator',
    command: [process.execPath, bookinfoProgram('loadgen')],
    env: { URL: url, RPS: String(rps) },
  });
  return () => child.stop(500);
}
