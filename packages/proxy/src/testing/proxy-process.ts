import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { ProxyOptions } from '../main/options.ts';
import type { FakeAgent } from './fake-agent.ts';
import { nodeOf, until } from './harness.ts';

/** A proxy as a process of its own. */
export interface ProxyProcess extends AsyncDisposable {
  readonly pid: number;
  readonly adminPort: number;
  /** Everything it has printed. */
  said(): string;
  /** Resident memory, bytes (Linux). */
  rss(): number;
  admin(path: string, method?: string): Promise<string>;
  /** Where a listener is bound. */
  portOf(listener: string): Promise<number>;
}

const INDEX = fileURLToPath(new URL('../index.ts', import.meta.url));
const PROGRAM = `const { runProxy } = await import(${JSON.stringify(INDEX)}); process.exit(await runProxy(process.env));`;

/** Starts one and waits until it serves. Its admin has a port that was free just now. */
export async function startProxyProcess(agent: FakeAgent, adminPort: number, more: Partial<ProxyOptions> = {}): Promise<ProxyProcess> {
  const options: ProxyOptions = {
    agentSocket: agent.socketPath,
    address: '127.0.0.1',
    adminPort,
    metricsPort: 0,
    node: nodeOf('productpage-v1', 'productpage', 'v1'),
    ...more,
  };
  const child = spawn(process.execPath, ['--input-type=module', '-e', PROGRAM], {
    env: { ...process.env, MELTEMI_PROXY_OPTIONS: JSON.stringify(options) },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (said += text));
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const admin = async (path: string, method = 'GET'): Promise<string> => (await fetch(`http://127.0.0.1:${adminPort}${path}`, { method })).text();
  await until('the proxy serves', async () => ((await admin('/ready').catch(() => '')).startsWith('LIVE') ? true : undefined), 20_000);
  return {
    pid: child.pid ?? 0,
    adminPort,
    said: () => said,
    rss: () => Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1]) * 1024,
    admin,
    portOf: (listener) =>
      until(
        `listener ${listener}`,
        async () => Number(new RegExp(`^${listener}::.*:(\\d+)$`, 'm').exec(await admin('/listeners'))?.[1] ?? 0) || undefined,
      ),
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}
