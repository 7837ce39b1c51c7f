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

/** Closed-loop load with 64 connections for so long: as much as the proxy takes. */
export async function fullLoad(port: number, seconds: number): Promise<LoadResult> {
  if (!hasWrk)
    return JSON.parse(await output(process.execPath, [join(import.meta.dirname, 'load-node.ts'), String(port), String(seconds)])) as LoadResult;
  const headers = Object.entries(HEADERS).flatMap(([name, value]) => ['-H', `${name}: ${value}`]);
  const text = await output('wrk', ['-c', '64', '-t', '1', '-d', `${seconds}s`, ...headers, `http://127.0.0.1:${port}/bench`]);
  const match = /(\d+) requests in ([\d.]+)(ms|s|m)/.exec(text);
  const unit = match?.[3] === 'ms' ? 0.001 : match?.[3] === 'm' ? 60 : 1;
  const errors = /(Non-2xx[^\n]*|Socket errors[^\n]*)/.exec(text)?.[1] ?? '';
  return { requests: Number(match?.[1] ?? 0), seconds: Number(match?.[2] ?? seconds) * unit, errors };
}

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
