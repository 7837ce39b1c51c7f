import { request } from '@meltemi/http';
import { MeshError, ProtoReader, ProtoWriter, type Timer } from '@meltemi/base';
import { createChannel } from '@meltemi/grpc';
import type { Platform } from '../platform.ts';
import type { Probe } from '../types.ts';
import { startChild } from './child.ts';
import { listens, type Readiness, type ReadinessWatch } from './readiness.ts';

export interface ProbeOptions {
  readonly probe: Probe;
  /** Where the application listens. */
  readonly host: string;
  readonly platform: Platform;
  readonly onChange: (readiness: Readiness) => void;
}

/** A time or number that is set: 0 means "not set", as in Kubernetes. */
function set(value: number | undefined, fallback: number): number {
  return value === undefined || value === 0 ? fallback : value;
}

/** Runs a WorkloadGroup's probe until stopped; `onChange` is called for the first success and for every change after it. */
export function watchProbe({ probe, host, platform, onChange }: ProbeOptions): ReadinessWatch {
  const { timers } = platform;
  const timeoutMs = set(probe.timeoutSeconds, 1) * 1000;
  const needed = { ready: set(probe.successThreshold, 1), waiting: set(probe.failureThreshold, 3) };
  const seen = { ready: 0, waiting: 0 };
  let readiness: Readiness = { t: 'waiting', reason: 'it was started just now' };
  let timer: Timer | undefined;
  let stopped = false;
  const take = (reason: string | undefined): void => {
    if (stopped) return;
    const now: Readiness = reason === undefined ? { t: 'ready' } : { t: 'waiting', reason };
    seen[now.t]++;
    seen[now.t === 'ready' ? 'waiting' : 'ready'] = 0;
    if (now.t === readiness.t) readiness = now;
    else if (seen[now.t] >= needed[now.t]) {
      readiness = now;
      onChange(now);
    }
    timer = timers.after(set(probe.periodSeconds, 10) * 1000, look);
  };
  const look = (): void => void check(probe, host, timeoutMs).then(take);
  timer = timers.after((probe.initialDelaySeconds ?? 0) * 1000, look);
  return {
    get readiness() {
      return readiness;
    },
    stop() {
      stopped = true;
      timer?.cancel();
    },
  };
}

/** One look: why the application does not serve, undefined when it does. Never rejects. */
async function check(probe: Probe, host: string, timeoutMs: number): Promise<string | undefined> {
  try {
    if (probe.httpGet !== undefined) return await httpGet(probe.httpGet, host, timeoutMs);
    if (probe.tcpSocket !== undefined) return await listens(named(probe.tcpSocket.host, host), probe.tcpSocket.port, timeoutMs);
    if (probe.exec !== undefined) return await exec(probe.exec.command, timeoutMs);
    if (probe.grpc !== undefined) return await grpc(host, probe.grpc.port ?? 0, probe.grpc.service ?? '', timeoutMs);
    return undefined;
  } catch (error) {
    return MeshError.from(error, 'agent/probe').message;
  }
}

function named(host: string | undefined, fallback: string): string {
  return host === undefined || host === '' ? fallback : host;
}

async function httpGet(get: NonNullable<Probe['httpGet']>, host: string, timeoutMs: number): Promise<string | undefined> {
  const path = get.path ?? '/';
  const scheme = (get.scheme ?? 'HTTP').toLowerCase();
  const url = `${scheme}://${named(get.host, host)}:${get.port}${path.startsWith('/') ? path : `/${path}`}`;
  const headers = Object.fromEntries((get.httpHeaders ?? []).map(({ name, value }) => [name, value ?? '']));
  const { status } = await request({ url, headers, timeoutMs, anyCertificate: true });
  return status >= 200 && status < 400 ? undefined : `${url} answers ${status}`;
}

async function exec(command: readonly string[], timeoutMs: number): Promise<string | undefined> {
  const said: string[] = [];
  const child = await startChild({ command, env: process.env, stdin: 'none', onLine: (_, line) => void (said.length < 3 && said.push(line)) });
  const late = setTimeout(() => child.kill(), timeoutMs);
  const { code, signal } = await child.exited;
  clearTimeout(late);
  if (code === 0) return undefined;
  return `${command[0] ?? ''} ended with ${code === undefined ? (signal ?? 'a signal') : `code ${code}`}${said.length === 0 ? '' : `: ${said.join(' ')}`}`;
}

const HEALTH_CHECK = '/grpc.health.v1.Health/Check';
const BYTES = 2;
const SERVING = 1;
const STATUS = 1;

/** The standard health service: `HealthCheckRequest.service` in, `HealthCheckResponse.status` out. */
async function grpc(host: string, port: number, service: string, timeoutMs: number): Promise<string | undefined> {
  await using channel = createChannel({ target: { host, port }, connectTimeoutMs: timeoutMs });
  const writer = new ProtoWriter();
  if (service !== '') writer.tag(1, BYTES).string(service);
  const answer = new ProtoReader(await channel.unary(HEALTH_CHECK, writer.take(), { deadlineMs: timeoutMs }));
  let status = 0;
  for (let tag = answer.tag(); tag !== 0; tag = answer.tag()) {
    if (tag >>> 3 === STATUS) status = answer.uint32();
    else answer.skip(tag);
  }
  return status === SERVING ? undefined : `gRPC health of "${service}" on ${host}:${port} is ${status === 2 ? 'NOT_SERVING' : `status ${status}`}`;
}
