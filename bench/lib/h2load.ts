import { spawn, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LoadResult } from './load.ts';

export const hasH2load: boolean = spawnSync('h2load', ['--version']).error === undefined;

/** A gRPC message of 128 bytes in its frame. */
const MESSAGE = Buffer.concat([Buffer.from([0, 0, 0, 0, 128]), Buffer.alloc(128, 'x')]);

/** Closed-loop load like gRPC: 4 connections with 32 calls each, 133 bytes up. The message is put into the directory. */
export function grpcLoad(directory: string): (port: number, seconds: number) => Promise<LoadResult> {
  const path = join(directory, 'message.bin');
  writeFileSync(path, MESSAGE);
  const headers = ['-H', 'content-type: application/grpc', '-H', 'te: trailers', '-H', 'user-agent: grpc-bench/1.0'];
  return async (port, seconds) => {
    const text = await output([
      '-c',
      '4',
      '-m',
      '32',
      '-t1',
      '-D',
      String(seconds),
      ...headers,
      '-d',
      path,
      `http://127.0.0.1:${port}/pkg.Service/Method`,
    ]);
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
