import type { CompiledForward } from '@meltemi/runtime';
import type { HeadScanner } from '@meltemi/wire';
import { readGrpcTimeout } from './grpc.ts';
import type { Exchange } from './exchange.ts';
import { headerValue, nameBytes } from './request-view.ts';

/** The route's time-out; of a gRPC call, where the route heeds it, what the caller itself says. */
export function routeTimeoutMs({ info, worker, head }: Exchange, { config, timeoutMs }: CompiledForward): number {
  const { maxGrpcTimeout } = config;
  if (maxGrpcTimeout === undefined || !info.grpc) return timeoutMs;
  const told = readGrpcTimeout(headerValue(worker.requestScanner, head.bytes, 'grpc-timeout')) ?? 0;
  const { maxMs, offsetMs } = maxGrpcTimeout;
  const ms = told > offsetMs ? told - offsetMs : told;
  return maxMs > 0 && (ms === 0 || ms > maxMs) ? maxMs : ms;
}

/** How long the stream may live: what a gRPC caller's deadline comes to where the route heeds it, else the route's limit; undefined = neither. */
export function streamLifeMs({ forward, info, worker, head }: Exchange): number | undefined {
  const { grpcTimeout, maxStreamDurationMs } = forward?.config ?? {};
  if (grpcTimeout === undefined || !info.grpc) return maxStreamDurationMs;
  const told = readGrpcTimeout(headerValue(worker.requestScanner, head.bytes, 'grpc-timeout'));
  if (told === undefined) return maxStreamDurationMs;
  const { maxMs, offsetMs } = grpcTimeout;
  const ms = maxMs > 0 ? Math.min(told, maxMs) : told;
  // Nothing is left: it ends at once.
  return Math.max(1, ms - offsetMs);
}

/** The upstream of a gRPC call is told of the deadline that is in force here, in place of what the caller said; `expectedMs` is the time of the try. '' = nothing is said. */
export function deadlineLine(x: Exchange, scanner: HeadScanner, expectedMs: number): string {
  const ms = x.forward === undefined ? 0 : upstreamDeadlineMs(x, x.forward, expectedMs);
  if (ms <= 0) return '';
  const { bytes } = x.head;
  const name = nameBytes('grpc-timeout');
  for (let at = scanner.find(bytes, name); at >= 0; at = scanner.find(bytes, name, at + 1)) scanner.drop(at);
  return `grpc-timeout: ${writeGrpcTimeout(ms)}\r\n`;
}

/** 0 = there is none. */
function upstreamDeadlineMs(x: Exchange, { config }: CompiledForward, expectedMs: number): number {
  if (config.grpcTimeout !== undefined || config.maxStreamDurationMs !== undefined) return streamLifeMs(x) ?? x.plan.config.maxStreamDurationMs;
  return config.maxGrpcTimeout === undefined ? 0 : expectedMs;
}

/** Eight digits are all that may be written. */
const MAX_DIGITS_VALUE = 99_999_999;

function writeGrpcTimeout(ms: number): string {
  let value = Math.ceil(ms);
  let unit = 'm';
  for (const [next, factor] of [
    ['S', 1000],
    ['M', 60],
    ['H', 60],
  ] as const) {
    if (value <= MAX_DIGITS_VALUE) break;
    value = Math.floor(value / factor);
    unit = next;
  }
  return `${Math.min(value, MAX_DIGITS_VALUE)}${unit}`;
}
