import { request } from '@meltemi/http';
import { MeshError, ProtoReader, ProtoWriter, type Timer } from '@meltemi/base';
import { createChannel } from '@meltemi/grpc';
import type { Platform } from '../platform.ts';
import type { ApplicationOptions, Probe } from '../types.ts';
import { startChild } from './child.ts';
import { listens, type Readiness, type ReadinessWatch } from './readiness.ts';

export interface ProbeOptions {
  readonly probe: Probe;
  /** Where the application listens. */
  readonly host: string;
  readonly platform: Platform;
  /** Programs run as the application does, with its rights and not with those of the agent; without one, as the agent. */
  readonly application?: Omit<ApplicationOptions, 'command'> | undefined;
  readonly onChange: (readiness: Readiness) => void;
}

/** A time or number that is set: 0 means "not set", as in Kubernetes. */
function set(value: number | undefined, fallback: number): number {
  return value === undefined || value === 0 ? fallback : value;
}

/** Runs a WorkloadGroup's probe until stopped; `onChange` is called for the first success and for every change after it. */
export function watchProbe({ probe, host, platform, application, onChange }: ProbeOptions): ReadinessWatch {
  const { timers } = platform;
  const timeoutMs = set(probe.timeoutSeconds, 1) * 1000;
  const needed = { ready: set(probe.successThreshold, 1), waiting: set(probe.failureThreshold, 3) };
  const seen = { ready: 0, waiting: 0 };
  let readiness: Readiness = { t: 'waiting', reason: 'it was started just now' };
  let timer: Timer | undefined;
  const stop = new AbortController();
  const take = (reason: string | undefined): void => {
    if (stop.signal.aborted) return;
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
  const look = (): void => void check(probe, host, { timeoutMs, application, signal: stop.signal }).then(take);
  timer = timers.after((probe.initialDelaySeconds ?? 0) * 1000, look);
  return {
    get readiness() {
      return readiness;
    },
    stop() {
      stop.abort();
      timer?.cancel();
    },
  };
}

/** What a look needs besides. */
interface Look {
  readonly timeoutMs: number;
  readonly application: ProbeOptions['application'];
  /** Ends what still runs. */
  readonly signal: AbortSignal;
}

/** One look: why the application does not serve, undefined when it does. Never rejects. */
async function check(probe: Probe, host: string, look: Look): Promise<string | undefined> {
  const { timeoutMs } = look;
  try {
    if (probe.httpGet !== undefined) return await httpGet(probe.httpGet, host, timeoutMs);
    if (probe.tcpSocket !== undefined) return await listens(named(probe.tcpSocket.host, host), probe.tcpSocket.port, timeoutMs);
    if (probe.exec !== undefined) return await exec(probe.exec.command, look);
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

async function exec(command: readonly string[], { timeoutMs, application, signal }: Look): Promise<string | undefined> {
  const said: string[] = [];
  const child = await startChild({
    env: process.env,
    ...application,
    command,
    stdin: 'none',
    onLine: (_, line) => void (said.length < 3 && said.push(line)),
  });
  // What it leaves behind may keep its output open after it was killed: that is not waited for.
  const ended = await Promise.race([child.exited, late(timeoutMs, signal)]);
  const name = command[0] ?? '';
  if (ended === undefined) {
    child.kill();
    return `${name} takes longer than ${timeoutMs / 1000} s`;
  }
  const { code, signal: killedBy } = ended;
  if (code === 0) return undefined;
  return `${name} ended with ${code === undefined ? (killedBy ?? 'a signal') : `code ${code}`}${said.length === 0 ? '' : `: ${said.join(' ')}`}`;
}

/** Resolves then, or when the signal is given. */
function late(timeoutMs: number, signal: AbortSignal): Promise<undefined> {
  const both = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  return new Promise((resolve) => {
    if (both.aborted) resolve(undefined);
    else both.addEventListener('abort', () => resolve(undefined), { once: true });
  });
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
