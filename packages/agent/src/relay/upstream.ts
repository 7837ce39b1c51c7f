import type { Timer } from '@meltemi/base';
import { type Channel, type ClientCall, Status } from '@meltemi/grpc';
import { HEALTH_TYPE_URL } from '@meltemi/protos-types';
import { decodeDeltaResponse, type DeltaRequest, encodeDeltaRequest } from '@meltemi/xds';
import type { Platform } from '../platform.ts';
import { DELTA_ADS } from './proxy-handlers.ts';
import type { Relay } from './relay.ts';

/** Whether the control plane is there. */
export type UpstreamState = { readonly t: 'connected' } | { readonly t: 'away'; readonly reason: string };

/** Whether the application serves; `reason` says why not. */
export type ApplicationHealth = { readonly t: 'healthy' } | { readonly t: 'unhealthy'; readonly reason: string };

/** The one discovery stream of a workload to the control plane, opened again whenever it ends. */
export interface Upstream {
  readonly state: UpstreamState;
  /** Writes what waits. Call when the relay says there is work. */
  flush(): void;
  /** Tells the control plane whether the application serves, on this stream and on every later one. Resolves when it was heard. */
  report(health: ApplicationHealth): Promise<void>;
  /** A new stream on a new connection: after the certificate has changed. Nothing that proxies have is lost by it. */
  renew(): void;
  close(): void;
}

export interface UpstreamOptions {
  readonly channel: Channel;
  readonly relay: Relay;
  readonly onState: (state: UpstreamState) => void;
  readonly platform: Platform;
}

const FIRST_DELAY_MS = 100;
const MAX_DELAY_MS = 2000;
/** So long a control plane may take to answer a digest; one that never does is not ours, and is told everything by name on the next stream. */
const ANSWER_MS = 30_000;

export function startUpstream(options: UpstreamOptions): Upstream {
  const { channel, relay, platform } = options;
  const stream = createStream(relay);
  let state: UpstreamState = { t: 'away', reason: 'not connected yet' };
  let timer: Timer | undefined;
  let failures = 0;
  let closed = false;

  const enter = (next: UpstreamState): void => {
    const changed = next.t !== state.t;
    state = next;
    if (changed) options.onState(next);
  };
  const connect = (): void => {
    const mine: ClientCall = channel.stream(DELTA_ADS, {
      onMessage(message) {
        if (stream.call !== mine) return;
        if (!canRead(stream, message, platform)) return mine.cancel(); // `onEnd` follows
        failures = 0;
        enter({ t: 'connected' });
      },
      onEnd(status) {
        if (stream.call !== mine) return; // replaced by a newer stream
        stream.use(undefined);
        if (!closed) reconnectLater(status.message ?? `gRPC status ${status.code}`);
      },
    });
    stream.use(mine);
    timer = awaitAnswer(relay, platform, () => stream.call === mine && mine.cancel()); // `onEnd` follows
  };
  const reconnectLater = (reason: string): void => {
    enter({ t: 'away', reason });
    const delayMs = reconnectDelayMs(failures++, platform);
    platform.log.debug('The discovery stream ended', { reason, retryInMs: Math.round(delayMs) });
    timer?.cancel();
    timer = platform.timers.after(delayMs, connect);
  };
  connect();
  return {
    get state() {
      return state;
    },
    flush: () => stream.flush(),
    report: (health) => stream.report(health),
    renew() {
      if (closed) return;
      channel.refresh();
      timer?.cancel();
      const old = stream.call;
      stream.use(undefined);
      connect();
      old?.cancel();
    },
    close() {
      closed = true;
      timer?.cancel();
      stream.call?.cancel();
    },
  };
}

function awaitAnswer({ client }: Relay, { timers }: Platform, giveUp: () => unknown): Timer | undefined {
  return client.awaitsAnswer ? timers.after(ANSWER_MS, () => client.awaitsAnswer && giveUp()) : undefined;
}

/** If not, nothing of it can be answered: another stream tells everything anew, later and later if it does not get better. */
function canRead(stream: Stream, message: Uint8Array, { log }: Platform): boolean {
  try {
    stream.receive(message);
    return true;
  } catch (error) {
    log.error('The control plane sent something that cannot be read', { error: String(error) });
    return false;
  }
}

/** What goes over the stream that is open now: the relay's requests, and whether the application serves. */
interface Stream {
  readonly call: ClientCall | undefined;
  use(call: ClientCall | undefined): void;
  receive(message: Uint8Array): void;
  flush(): void;
  report(health: ApplicationHealth): Promise<void>;
}

function createStream(relay: Relay): Stream {
  const health = createHealthTeller();
  let call: ClientCall | undefined;
  // The first request of a stream carries the node; what is reported goes after it.
  let introduced = false;
  const flush = (): void => {
    const requests = relay.client.takeRequests();
    for (const request of requests) call?.write(encodeDeltaRequest(request));
    introduced ||= call !== undefined && requests.length > 0;
    const report = introduced ? health.take() : undefined;
    if (report !== undefined) call?.write(encodeDeltaRequest(report));
  };
  return {
    get call() {
      return call;
    },
    use(next) {
      call = next;
      introduced = false;
      if (next === undefined) return relay.client.disconnected();
      health.newStream();
      relay.client.connected();
      flush();
    },
    receive(message) {
      const response = decodeDeltaResponse(message);
      if (response.typeUrl === HEALTH_TYPE_URL) health.heard();
      else relay.receive(response);
    },
    flush,
    report(value) {
      const heard = health.set(value);
      flush();
      return heard;
    },
  };
}

/** Half of the delay is random, so that a fleet does not come back in step; never longer than what "re-synced within 5 s" allows. */
function reconnectDelayMs(failures: number, { random }: Pick<Platform, 'random'>): number {
  return Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(failures, 10)) * (0.5 + 0.5 * random.next());
}

interface HealthTeller {
  /** What is to be told from now on. Resolves when it was heard, or overtaken by something newer. */
  set(value: ApplicationHealth): Promise<void>;
  /** What this stream has not been told yet. */
  take(): DeltaRequest | undefined;
  heard(): void;
  newStream(): void;
}

function createHealthTeller(): HealthTeller {
  let last: { readonly value: ApplicationHealth; told: boolean; readonly heard: PromiseWithResolvers<void> } | undefined;
  return {
    set(value) {
      last?.heard.resolve();
      last = { value, told: false, heard: Promise.withResolvers() };
      return last.heard.promise;
    },
    take() {
      if (last === undefined || last.told) return undefined;
      last.told = true;
      return healthReport(last.value);
    },
    heard: () => last?.heard.resolve(),
    newStream() {
      if (last !== undefined) last.told = false;
    },
  };
}

function healthReport(health: ApplicationHealth): DeltaRequest {
  const request = { typeUrl: HEALTH_TYPE_URL, subscribe: [], unsubscribe: [], initialVersions: new Map<string, string>(), nonce: '' };
  return health.t === 'healthy' ? request : { ...request, error: { code: Status.UNAVAILABLE, message: health.reason } };
}
