import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** What `demo --json` prints when it is ready. */
export interface DemoUrls {
  readonly gateway: string;
  readonly console: string;
  readonly controlPlane: string;
  readonly dataPlane: 'embedded' | 'envoy';
  readonly interception: 'netns' | 'ports';
}

/** A demo that runs as a user would start it, in a state directory of its own. */
export interface Demo extends AsyncDisposable {
  readonly urls: DemoUrls;
  readonly pid: number;
  readonly stateDir: string;
  readonly readyAfterMs: number;
  /** Everything it printed on stderr so far. */
  readonly log: () => string;
  /** Runs `meltemi ARGS` against this demo. */
  cli(...args: string[]): Promise<CliResult>;
  /** Ctrl-C; resolves with how long everything took to end. */
  stop(): Promise<number>;
}

export interface CliResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Starts `meltemi demo --json` with free ports. Rejects with its output when it ends or is not ready in 90 s. */
export async function startDemo(args: readonly string[] = [], env: Readonly<Record<string, string>> = {}): Promise<Demo> {
  const stateDir = mkdtempSync(join(tmpdir(), 'meltemi-e2e-'));
  const started = performance.now();
  const command = ['apps/meltemi/src/main.ts', 'demo', '--json', '--gateway-port', '0', '--console-port', '0', '--state-dir', stateDir, ...args];
  const child = spawn(process.execPath, command, {
    cwd: ROOT,
    env: { ...process.env, ...env, MELTEMI_STATE: stateDir },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const urls = await new Promise<DemoUrls>((resolve, reject) => {
    const fail = (why: string): void => reject(new Error(`${why}\nstdout: ${stdout}\nstderr: ${stderr}`));
    const timer = setTimeout(() => {
      child.kill('SIGTERM');
      fail('the demo was not ready in 90 s');
    }, 90_000);
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
      const line = stdout.split('\n').find((candidate) => candidate.startsWith('{'));
      if (line === undefined || !stdout.includes('\n')) return;
      clearTimeout(timer);
      resolve(JSON.parse(line) as DemoUrls);
    });
    child.once('exit', (code) => {
      clearTimeout(timer);
      fail(`the demo ended with ${code}`);
    });
  });
  const readyAfterMs = performance.now() - started;
  const stop = async (): Promise<number> => {
    const begun = performance.now();
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGINT');
    await exited;
    return performance.now() - begun;
  };
  return {
    urls,
    pid: child.pid ?? -1,
    stateDir,
    readyAfterMs,
    log: () => stderr,
    cli: (...cliArgs) => runCli(cliArgs, { MELTEMI_STATE: stateDir }),
    stop,
    async [Symbol.asyncDispose]() {
      await stop();
      rmSync(stateDir, { recursive: true, force: true });
    },
  };
}

/** Runs the CLI of the sources; never rejects for its exit code. `input` goes to its stdin. */
export async function runCli(args: readonly string[], env: Readonly<Record<string, string>> = {}, input = ''): Promise<CliResult> {
  const child = spawn(process.execPath, ['apps/meltemi/src/main.ts', ...args], {
    cwd: ROOT,
    env: { ...process.env, ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  child.stdin.end(input);
  const code = await new Promise<number>((resolve) => child.once('close', (status) => resolve(status ?? 1)));
  return { code, stdout, stderr };
}
