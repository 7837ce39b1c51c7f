import { createServer } from 'node:net';
import { MeshError } from '@meltemi/base';
import type { Platform } from '../../platform.ts';
import type { AgentConfig } from '../../types.ts';

/** What held the address before, under another agent, may be on its way out. */
const ATTEMPTS = 10;
const PAUSE_MS = 200;

/**
 * Ports mode: whether the sidecar will be able to listen on the workload's ports. Who listens on all addresses of the machine keeps it from that, and callers
 * would get 503. Throws `interception/port-taken`.
 */
export async function checkOwnPorts(config: Pick<AgentConfig, 'appPorts' | 'join' | 'identity'>, { timers }: Platform): Promise<void> {
  const { address, appAddress } = config.join;
  for (const { number } of config.appPorts) {
    for (let attempt = 1; await isTaken(address, number); attempt++) {
      if (attempt === ATTEMPTS) throw portTaken(config.identity.workload, number, address, appAddress);
      await new Promise<void>((resolve) => void timers.after(PAUSE_MS, resolve));
    }
  }
}

/** Other failures are the proxy's to tell. */
function isTaken(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'EADDRINUSE'));
    probe.listen({ host, port, exclusive: true }, () => probe.close(() => resolve(false)));
  });
}

function portTaken(workload: string, port: number, address: string, appAddress: string): MeshError {
  return new MeshError(
    'interception/port-taken',
    `The sidecar of ${workload} cannot listen on ${address}:${port}: something listens on port ${port} of all addresses of this machine (0.0.0.0 or ::), most likely the application itself. Callers would get 503.\n  Fix: have the application listen on ${appAddress}:${port} only (what "meltemi run" tells it as HOST and PORT), or on another port, and name that one with --port.`,
  );
}
