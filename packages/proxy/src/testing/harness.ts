import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { startProxy } from '../main/start-proxy.ts';
import type { RunningProxy } from '../main/options.ts';
import type { FakeAgent } from './fake-agent.ts';

/** What a test opens, to be closed in the opposite order. */
export interface Harness extends AsyncDisposable {
  readonly closers: (() => PromiseLike<unknown> | void)[];
  /** A program that answers with what `answer` says about a request. Its port. */
  upstream(answer: (request: http.IncomingMessage) => string): Promise<number>;
  call(port: number, path?: string, headers?: Readonly<Record<string, string>>): Promise<Answer>;
  run(agent: FakeAgent, node: object): Promise<RunningProxy>;
  /** Where a listener is bound. */
  portOf(proxy: RunningProxy, listener: string): Promise<number>;
}

export interface Answer {
  readonly status: number;
  readonly body: string;
}

/** Looks again and again until there is something; fails after the time. */
export async function until<T>(what: string, look: () => Promise<T | undefined> | T | undefined, ms = 5_000): Promise<T> {
  const end = Date.now() + ms;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (Date.now() > end) throw new Error(`waited in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export function createHarness(): Harness {
  const closers: Harness['closers'] = [];
  const keepAlive = new http.Agent({ keepAlive: true, maxSockets: 8 });
  closers.push(() => keepAlive.destroy());

  const call = (port: number, path = '/', headers: Readonly<Record<string, string>> = {}): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const request = http.request({ host: '127.0.0.1', port, path, headers, agent: keepAlive }, (response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (part: string) => (body += part));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
        response.on('error', reject);
      });
      request.on('error', reject);
      request.end();
    });

  return {
    closers,
    call,
    async upstream(answer) {
      const server = http.createServer((request, response) => {
        request.resume();
        request.on('end', () => response.end(answer(request)));
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      closers.push(() => new Promise((resolve) => (server.close(resolve), server.closeAllConnections())));
      return (server.address() as AddressInfo).port;
    },
    async run(agent, node) {
      const proxy = await startProxy({ agentSocket: agent.socketPath, address: '127.0.0.1', adminPort: 0, metricsPort: 0, node });
      closers.push(() => proxy.stop(0));
      await proxy.ready;
      return proxy;
    },
    portOf: (proxy, listener) =>
      until(`listener ${listener}`, async () => {
        const { body } = await call(proxy.adminPort, '/listeners');
        return Number(new RegExp(`^${listener}::.*:(\\d+)$`, 'm').exec(body)?.[1] ?? 0) || undefined;
      }),
    async [Symbol.asyncDispose]() {
      for (const close of closers.toReversed()) await close();
    },
  };
}

/** Node of a workload of namespace bookinfo. */
export function nodeOf(workload: string, app: string, version: string): object {
  return {
    id: `sidecar~127.0.0.1~${workload}.bookinfo~bookinfo.svc.cluster.local`,
    cluster: `${app}.bookinfo`,
    metadata: { NAMESPACE: 'bookinfo', WORKLOAD_NAME: workload, LABELS: { app, version }, CLUSTER_ID: 'meltemi', MESH_ID: 'cluster.local' },
  };
}
