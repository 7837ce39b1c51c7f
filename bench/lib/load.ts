import { spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';

/** What one round of load brought. */
export interface LoadResult {
  readonly requests: number;
  readonly seconds: number;
  readonly errors: string;
}

export const hasWrk: boolean = spawnSync('wrk', ['-v']).error === undefined;

const HEADERS = {
  'User-Agent': 'wrk/4',
  Accept: 'application/json, text/plain, */*',
  'Content-Type': 'application/json',
  Cookie: 'session=0123456789abcdef0123456789abcdef',
  'X-Tenant': 'acme',
};

/** As much as the proxy on the port takes, for so long. The directory has a client's certificate and key, and the root. */
export type Load = (port: number, seconds: number, directory: string) => Promise<LoadResult>;

/** Closed-loop load over HTTP/1.1, one request at a time on each connection. */
export function http1Load({ connections = 64, path = '/bench' }: { readonly connections?: number; readonly path?: string } = {}): Load {
  return async (port, seconds) => {
    if (!hasWrk) {
      const args = [String(port), String(seconds), String(connections), path];
      return JSON.parse(await output(process.execPath, [join(import.meta.dirname, 'load-node.ts'), ...args])) as LoadResult;
    }
    const headers = Object.entries(HEADERS).flatMap(([name, value]) => ['-H', `${name}: ${value}`]);
    const text = await output('wrk', ['-c', String(connections), '-t', '1', '-d', `${seconds}s`, ...headers, `http://127.0.0.1:${port}${path}`]);
    const match = /(\d+) requests in ([\d.]+)(ms|s|m)/.exec(text);
    const unit = match?.[3] === 'ms' ? 0.001 : match?.[3] === 'm' ? 60 : 1;
    const errors = /(Non-2xx[^\n]*|Socket errors[^\n]*)/.exec(text)?.[1] ?? '';
    return { requests: Number(match?.[1] ?? 0), seconds: Number(match?.[2] ?? seconds) * unit, errors };
  };
}

/** Load by a program of ours in this folder, which prints a `LoadResult`. */
export function nodeLoad(script: string, ...args: readonly string[]): Load {
  return async (port, seconds) =>
    JSON.parse(await output(process.execPath, [join(import.meta.dirname, script), String(port), String(seconds), ...args])) as LoadResult;
}

/** Load over TLS by clients with a certificate: requests on connections that stay, or a handshake for each. */
export const tlsLoad =
  (mode: 'requests' | 'handshakes'): Load =>
  (port, seconds, directory) =>
    nodeLoad('tls-load-node.ts', directory, mode)(port, seconds, directory);

/** Latency percentiles in microseconds. */
export interface LatencyResult {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly errors: number;
}

/** A constant rate from 16 connections; measured from the time at which each request should have gone out. */
export async function constantRate(port: number, perSecond: number, seconds: number): Promise<LatencyResult> {
  return JSON.parse(
    await output(process.execPath, [join(import.meta.dirname, 'latency-node.ts'), String(port), String(perSecond), String(seconds)]),
  ) as LatencyResult;
}

function output(command: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (part: string) => (text += part));
    child.on('error', reject).on('close', () => resolve(text));
  });
}
