import { spawn } from 'node:child_process';
import { MeshError } from '@meltemi/base';

/** Runs a tool of the system, feeding `input`; resolves with its output. Throws `netns/command-failed` with what it said. */
export function runTool(command: string, args: readonly string[], input = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    let output = '';
    let complaint = '';
    const fail = (why: string, cause?: unknown): void =>
      reject(new MeshError('netns/command-failed', `"${[command, ...args].join(' ')}" failed: ${why}.`, cause === undefined ? {} : { cause }));
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (complaint += text));
    child.stdin.on('error', () => undefined); // the tool ended without reading: its exit code says why
    child.on('error', (error) => fail(error.message, error));
    child.on('close', (code, signal) => (code === 0 ? resolve(output) : fail(complaint.trim() || `exit code ${code ?? signal}`)));
    child.stdin.end(input);
  });
}

/**
 * Whoever calls from this interface learns within about two seconds that an address is nobody's any more; by the kernel's defaults calls to the place that it
 * remembers go nowhere for half a minute. Asking costs nothing on a bridge within one machine. `namespace`: where the interface is.
 */
export async function forgetNeighboursSoon(device: string, namespace?: string): Promise<void> {
  const where = namespace === undefined ? [] : ['-n', namespace];
  const times = ['base_reachable', '1000', 'delay_probe', '200', 'retrans', '200'];
  // Nothing depends on it, and not every "ip" can do it.
  await runTool('ip', [...where, 'ntable', 'change', 'name', 'arp_cache', 'dev', device, ...times]).catch(() => undefined);
}

/** Runs lines of `ip -batch` in one process. */
export async function ipBatch(lines: readonly string[]): Promise<void> {
  await runTool('ip', ['-batch', '-'], `${lines.join('\n')}\n`);
}
