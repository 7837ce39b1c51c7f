import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { type Demo, runCli } from './demo.ts';
import { eventually, get, type Reply } from './load.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** Answers with the headers it got; for /slow, a while after it has said that it was asked. */
const PROGRAM = `require('http').createServer((q, s) => {
  if (q.url === '/slow') console.log('slow: asked');
  setTimeout(() => s.end(JSON.stringify(q.headers)), q.url === '/slow' ? 700 : 0);
}).listen(+process.env.PORT, process.env.HOST)`;
const ROUTE = `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: echo, namespace: bookinfo }
spec:
  hosts: ['echo.example']
  gateways: [bookinfo-gateway]
  http:
    - route: [{ destination: { host: echo, port: { number: 9080 } } }]
`;

/** An application in the mesh that answers with the headers it got, reached through the gateway. */
export interface Echo extends AsyncDisposable {
  ask(headers: Readonly<Record<string, string>>): Promise<Readonly<Record<string, string>>>;
  /** Stops the workload while it answers a request; what became of that request. */
  stopWhileAnswering(): Promise<Reply>;
}

/** Starts it with `meltemi run`, as a user would, and routes the host `echo.example` to it. */
export async function runEcho(demo: Demo, options: { readonly dataPlane: string; readonly interception: string }): Promise<Echo> {
  const flags = ['--app', 'echo', '--port', '9080', '-n', 'bookinfo', '--data-plane', options.dataPlane, '--interception', options.interception];
  const child = spawn(process.execPath, ['apps/meltemi/src/main.ts', 'run', ...flags, '--', process.execPath, '-e', PROGRAM], {
    cwd: ROOT,
    env: { ...process.env, MELTEMI_STATE: demo.stateDir },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (said += text));
  const exited = once(child, 'exit');
  const says = (text: string): Promise<true> =>
    eventually(`the echo says "${text}"`, 20_000, async () => (said.includes(text) ? true : undefined)).catch((error: unknown) => {
      child.kill('SIGKILL');
      throw new Error(`${String(error)}\n${said}`);
    });
  const ask = (path: string, headers: Readonly<Record<string, string>>): Promise<Reply> =>
    get(`${demo.urls.gateway}${path}`, { host: 'echo.example', ...headers });
  let stopped = false;
  const stop = (): void => {
    if (!stopped) child.kill('SIGINT');
    stopped = true;
  };
  await says('is in the mesh');
  const applied = await runCli(['apply', '--wait', '-f', '-'], { MELTEMI_STATE: demo.stateDir }, ROUTE);
  if (applied.code !== 0) throw new Error(applied.stderr);
  return {
    async ask(headers) {
      const reply = await eventually('the echo answers', 5_000, async () => {
        const answer = await ask('/', headers);
        return answer.status === 200 ? answer : undefined;
      });
      return JSON.parse(reply.body) as Record<string, string>;
    },
    async stopWhileAnswering() {
      const answer = ask('/slow', {});
      await says('slow: asked');
      stop();
      return answer;
    },
    async [Symbol.asyncDispose]() {
      stop();
      await exited;
      await demo.cli('delete', 'virtualservice', 'echo', '-n', 'bookinfo');
    },
  };
}
