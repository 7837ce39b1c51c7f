import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { createBridge } from '@meltemi/agent';
import { startControlPlaneProcess } from './control-plane.ts';
import { eventually, get } from './load.ts';
import { startWorkload } from './workload.ts';

const APPLICATION = `require('http').createServer((q, s) => s.end('ok')).listen(+process.env.PORT, process.env.HOST)`;

/** What came of a hot restart under load. */
export interface SwapResult {
  readonly swaps: number;
  /** New connections, each with one request. */
  readonly connects: number;
  /** Requests over kept connections. */
  readonly kept: number;
  readonly errors: readonly string[];
  /** How long one swap took, from the order to the answer that the new process serves. */
  readonly longestMs: number;
}

export interface SwapOptions {
  readonly interception: 'netns' | 'ports';
  readonly swaps: number;
  readonly connects: number;
}

/** Exchanges the proxy of one workload so often while clients connect at least so often, over new and over kept connections. */
export async function swapUnderLoad(options: SwapOptions): Promise<SwapResult> {
  if (options.interception === 'ports') return swap(options, []);
  const bridge = await createBridge();
  const { network } = bridge;
  return swap(options, ['--network', [network.bridge, network.gateway, network.prefixLength].join(',')]).finally(() => bridge.close());
}

async function swap(options: SwapOptions, flags: readonly string[]): Promise<SwapResult> {
  await using mesh = await startControlPlaneProcess(flags);
  const args = ['run', '--app', 'web', '-n', 'shop', '--port', '9080', '--interception', options.interception];
  await using workload = await startWorkload(mesh, args, APPLICATION);
  const url = `http://${workload.address}:9080/`;
  await eventually('the application answers', 10_000, async () => ((await get(url)).status === 200 ? true : undefined));
  const load = startConnects(workload.address, 9080);
  const pids = new Set<string>();
  let longestMs = 0;
  for (let at = 0; at < options.swaps; at++) {
    const begun = performance.now();
    const { code, stdout, stderr } = await mesh.cli(['proxy-restart', 'web-v1.shop']);
    assert.equal(code, 0, `${stderr}\n${workload.said()}`);
    longestMs = Math.max(longestMs, performance.now() - begun);
    pids.add(/process (\d+)/.exec(stdout)?.[1] ?? '');
  }
  await eventually('enough connections', 120_000, async () => (load.connects() >= options.connects ? true : undefined));
  const { connects, kept, errors } = await load.stop();
  assert.equal(pids.size, options.swaps, 'each time another process');
  return { swaps: options.swaps, connects, kept, errors, longestMs };
}

const REQUEST = 'GET / HTTP/1.1\r\nhost: web\r\n';

/** Connects again and again: a refused or reset connection, or one without a whole answer, is an error. */
function startConnects(host: string, port: number) {
  let running = true;
  let connects = 0;
  let kept = 0;
  const errors: string[] = [];
  const once = (): Promise<void> =>
    new Promise((resolve) => {
      const socket = connect({ host, port });
      let text = '';
      const end = (error: string | undefined): void => {
        connects++;
        if (error !== undefined) errors.push(`${new Date().toISOString()} ${error}`);
        socket.destroy();
        resolve();
      };
      socket.on('connect', () => socket.write(`${REQUEST}connection: close\r\n\r\n`));
      socket.on('data', (bytes: Buffer) => (text += bytes.toString('latin1')));
      socket.on('end', () => end(/^HTTP\/1\.1 200 [^]*ok$/.test(text) ? undefined : `answer: ${JSON.stringify(text.slice(0, 80))}`));
      socket.on('error', (error) => end(error.message));
      socket.setTimeout(20_000, () => end('no answer in 20 s'));
    });
  /** A client that keeps its connection, and makes another one only when it is told that this one ends. */
  const stay = async (): Promise<void> => {
    while (running) await keep();
  };
  const keep = (): Promise<void> =>
    new Promise((resolve) => {
      const socket = connect({ host, port });
      let text = '';
      let waiting = false;
      const ask = (): void => {
        text = '';
        waiting = true;
        socket.write(`${REQUEST}\r\n`);
      };
      socket.on('connect', ask);
      socket.on('data', (bytes: Buffer) => {
        text += bytes.toString('latin1');
        if (!/\r\n\r\n[^]*ok/.test(text)) return;
        waiting = false;
        kept++;
        if (/\r\nconnection: close\r\n/i.test(text) || !running) socket.end();
        else setTimeout(ask, 20);
      });
      socket.on('error', (error) => errors.push(`${new Date().toISOString()} kept: ${error.message}`));
      socket.on('close', () => {
        if (waiting) errors.push(`${new Date().toISOString()} kept: closed without an answer`);
        resolve();
      });
    });
  const done = Promise.all([
    ...Array.from({ length: 6 }, async () => {
      while (running) await once();
    }),
    ...Array.from({ length: 4 }, stay),
  ]);
  return {
    connects: () => connects,
    async stop() {
      running = false;
      await done;
      return { connects, kept, errors };
    },
  };
}
