import { createServer } from 'node:net';
import { MeshError } from '@meltemi/base';

/**
 * The port to use: `wanted` when it is free (0 and a busy default take any free one). A port that the user named and that is taken is an
 * error, never silently another one.
 */
export async function choosePort(host: string, wanted: number | undefined, fallback: number, flag: string): Promise<number> {
  if (wanted === 0) return probe(host, 0);
  try {
    return await probe(host, wanted ?? fallback);
  } catch (error) {
    if (wanted === undefined) return probe(host, 0);
    throw new MeshError(
      'demo/port',
      `port ${wanted} on ${host} cannot be used: ${(error as NodeJS.ErrnoException).code === 'EADDRINUSE' ? 'something else listens there' : String(error)}.\n  Fix: ${flag} with another number, or ${flag} 0 for any free one.`,
      { cause: error },
    );
  }
}

function probe(host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen({ host, port }, () => {
      const address = server.address();
      const taken = typeof address === 'object' && address !== null ? address.port : port;
      server.close(() => resolve(taken));
    });
  });
}
