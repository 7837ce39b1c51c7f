import type { Output } from './output/output.ts';
import { runCli } from './cli.ts';

/** What a command line printed, and its exit code. */
export interface CliRun {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs a command line in this process, for tests. */
export async function run(...argv: readonly string[]): Promise<CliRun> {
  const lines = { out: [] as string[], err: [] as string[] };
  const output: Output = {
    line: (text) => void lines.out.push(text),
    note: (text) => void lines.err.push(text),
    error: (text) => void lines.err.push(`error: ${text}`),
  };
  const code = await runCli(argv, output);
  return { code, out: lines.out.join('\n'), err: lines.err.join('\n') };
}
