import { enableCompileCache, flushCompileCache } from 'node:module';
import { MeshError } from '@meltemi/base';
import type { ProxyOptions } from './options.ts';
import { guardProcess } from './guard-process.ts';
import { createLineLog } from './ports.ts';
import { parseRuntime } from './limits.ts';
import { giveSockets, takeSockets } from './socket-handover.ts';
import { tuneHeap } from './tune-heap.ts';

/**
 * A proxy as a process of its own: options from `MELTEMI_PROXY_OPTIONS`, a graceful end at SIGTERM, an end at once when stdin closes
 * (the agent that started it is gone). Resolves with the exit code.
 */
export async function runProxy(environment: Readonly<Record<string, string | undefined>>): Promise<number> {
  tuneHeap();
  enableCompileCache();
  const told = readOptions(environment['MELTEMI_PROXY_OPTIONS']);
  const options = { ...told, runtime: { ...parseRuntime(environment['MELTEMI_PROXY_RUNTIME']), ...told.runtime } };
  // After the cache is on: everything that is big is loaded from here.
  const { startProxy } = await import('./start-proxy.ts');
  if (options.sharing === 'given') await takeSockets();
  const proxy = await startProxy(options);
  if (process.send !== undefined) giveSockets();
  guardProcess(
    createLineLog('error', (line) => void process.stderr.write(line)),
    () => process.exit(1),
  );
  process.once('SIGTERM', () => void proxy.stop());
  process.once('SIGINT', () => void proxy.stop());
  process.stdin.on('end', () => void proxy.stop(0));
  process.stdin.on('error', () => void proxy.stop(0));
  // The agent's orders, a line each.
  process.stdin.on('data', (bytes: Buffer) => {
    if (bytes.toString('latin1').includes('retire\n')) void proxy.retire();
  });
  // Now, and not when it ends: Node would write what it compiled then, while somebody waits for the end.
  proxy.ready.then(flushCompileCache, (error: unknown) => process.stderr.write(`${String(error)}\n`));
  await proxy.ended;
  return 0;
}

/** Throws MeshError `proxy/options`. */
export function readOptions(text: string | undefined): ProxyOptions {
  if (text === undefined || text === '') {
    throw new MeshError(
      'proxy/options',
      'MELTEMI_PROXY_OPTIONS is not set: the proxy is started by the agent ("meltemi run", "meltemi proxy"), not by hand.',
    );
  }
  try {
    return JSON.parse(text) as ProxyOptions;
  } catch (cause) {
    throw new MeshError('proxy/options', `MELTEMI_PROXY_OPTIONS is no JSON: ${String(cause)}`, { cause });
  }
}
