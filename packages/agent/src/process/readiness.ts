import { connect } from 'node:net';
import { MeshError, type Timer } from '@meltemi/base';
import { request } from '@meltemi/http';
import type { Platform } from '../platform.ts';
import type { WorkloadPort } from '../types.ts';

/** Whether the application can be called; `reason` says what it does not answer. */
export type Readiness = { readonly t: 'ready' } | { readonly t: 'waiting'; readonly reason: string };

export interface ReadinessOptions {
  /** Where the application listens. */
  readonly host: string;
  readonly ports: readonly WorkloadPort[];
  /** A path that answers 2xx or 3xx on the first HTTP port when the application is ready; without one, listening is enough. */
  readonly path: string | undefined;
  readonly platform: Platform;
  readonly onChange: (readiness: Readiness) => void;
}

/** Watches an application's ports until stopped. */
export interface ReadinessWatch {
  readonly readiness: Readiness;
  stop(): void;
}

/** Between two looks: often while it starts, so that a start is not held up, then seldom. */
const STARTING_MS = 50;
const STARTING_LONG_MS = 500;
const STARTING_LOOKS = 100;
const READY_MS = 2_000;
/** One look that fails may be a full accept queue. */
const FAILURES = 3;
const LOOK_TIMEOUT_MS = 1_000;

/** Starts looking at once; `onChange` is called for the first success and for every change after it. */
export function watchReadiness(options: ReadinessOptions): ReadinessWatch {
  const { timers } = options.platform;
  let readiness: Readiness = { t: 'waiting', reason: 'it was started just now' };
  let timer: Timer | undefined;
  let looks = 0;
  let failures = 0;
  let stopped = false;

  const take = (reason: string | undefined): void => {
    if (stopped) return;
    failures = reason === undefined ? 0 : failures + 1;
    const before = readiness.t;
    if (reason === undefined) readiness = { t: 'ready' };
    else if (before === 'waiting' || failures >= FAILURES) readiness = { t: 'waiting', reason };
    if (readiness.t !== before) options.onChange(readiness);
    timer = timers.after(pause(), look);
  };
  const pause = (): number => {
    if (readiness.t === 'ready') return failures === 0 ? READY_MS : STARTING_LONG_MS;
    return looks < STARTING_LOOKS ? STARTING_MS : STARTING_LONG_MS;
  };
  const look = (): void => {
    looks++;
    void missing(options).then(take);
  };
  look();
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

/** What does not answer; undefined when all does. */
async function missing({ host, ports, path }: ReadinessOptions): Promise<string | undefined> {
  const http = path === undefined ? undefined : ports.find(({ protocol }) => protocol.startsWith('http'));
  const looks = ports.map((port) => (port === http ? answers(host, port.number, path ?? '/') : listens(host, port.number)));
  return (await Promise.all(looks)).find((reason) => reason !== undefined);
}

/** Why nothing can be connected to; undefined when it can. */
export function listens(host: string, port: number, timeoutMs = LOOK_TIMEOUT_MS): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const done = (reason: string | undefined): void => {
      socket.destroy();
      resolve(reason);
    };
    socket.setTimeout(timeoutMs, () => done(`nothing answers on ${host}:${port}`));
    socket.once('connect', () => done(undefined));
    socket.once('error', () => done(`nothing listens on ${host}:${port}`));
  });
}

async function answers(host: string, port: number, path: string): Promise<string | undefined> {
  const url = `http://${host}:${port}${path.startsWith('/') ? path : `/${path}`}`;
  try {
    const { status } = await request({ url, timeoutMs: LOOK_TIMEOUT_MS });
    return status >= 200 && status < 400 ? undefined : `${url} answers ${status}`;
  } catch (error) {
    return `${url} does not answer (${MeshError.from(error, 'agent/readiness').message})`;
  }
}
