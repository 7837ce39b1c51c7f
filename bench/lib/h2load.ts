import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Load } from './load.ts';

export const hasH2load: boolean = spawnSync('h2load', ['--version']).error === undefined;

/** A gRPC message of 128 bytes in its frame. */
const MESSAGE = Buffer.concat([Buffer.from([0, 0, 0, 0, 128]), Buffer.alloc(128, 'x')]);

/** Closed-loop load over HTTP/2: 4 connections with so many requests each at a time. Without a path: calls of gRPC with a message of 128 bytes. */
export function http2Load({ streams, path }: { readonly streams: number; readonly path?: string }): Load {
  const headers = ['-H', 'content-type: application/grpc', '-H', 'te: trailers', '-H', 'user-agent: grpc-bench/1.0'];
  return async (port, seconds) => {
    const folder = mkdtempSync(join(tmpdir(), 'meltemi-load-'));
    const message = join(folder, 'message.bin');
    writeFileSync(message, MESSAGE);
    const what = path === undefined ? [...headers, '-d', message] : [];
    const url = `http://127.0.0.1:${port}${path ?? '/pkg.Service/Method'}`;
    const text = await output(['-c', '4', '-m', String(streams), '-t1', '-D', String(seconds), ...what, url]).finally(() =>
      rmSync(folder, { recursive: true, force: true }),
    );
    const good = Number(/status codes: (\d+) 2xx/.exec(text)?.[1] ?? 0);
    const [, failed = '0', errored = '0', late = '0'] = /(\d+) failed, (\d+) errored, (\d+) timeout/.exec(text) ?? [];
    const wrong =
      /status codes: \d+ 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx/
        .exec(text)
        ?.slice(1)
        .some((count) => count !== '0') === true;
    const errors =
      failed !== '0' || errored !== '0' || late !== '0' || wrong
        ? text
            .split('\n')
            .filter((line) => /requests:|status codes:/.test(line))
            .join(' ')
        : '';
    return { requests: good, seconds, errors };
  };
}

function output(args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn('h2load', [...args], { stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (part: string) => (text += part));
    child.on('error', reject).on('close', () => resolve(text));
  });
}
