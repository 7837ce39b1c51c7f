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

/** Runs lines of `ip -batch` in one process. */
export async function ipBatch(lines: readonly string[]): Promise<void> {
  await runTool('ip', ['-batch', '-'], `${lines.join('\n')}\n`);
}
