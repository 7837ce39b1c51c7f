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

export function startUpstream(options: UpstreamOptions): Upstream {
  const { channel, relay, platform } = options;
  let state: UpstreamState = { t: 'away', reason: 'not connected yet' };
  let call: ClientCall | undefined;
  let timer: Timer | undefined;
  let failures = 0;
  let closed = false;
  // The first request of a stream carries the node; what is reported goes after it.
  let introduced = false;
  let health: { readonly value: ApplicationHealth; told: boolean; readonly heard: PromiseWithResolvers<void> } | undefined;

  const enter = (next: UpstreamState): void => {
    const changed = next.t !== state.t;
    state = next;
    if (changed) options.onState(next);
  };
  const flush = (): void => {
    const requests = relay.client.takeRequests();
    for (const request of requests) call?.write(encodeDeltaRequest(request));
    introduced ||= call !== undefined && requests.length > 0;
    if (call === undefined || !introduced || health === undefined || health.told) return;
    health.told = true;
    call.write(encodeDeltaRequest(healthReport(health.value)));
  };
  const connect = (): void => {
    const mine: ClientCall = channel.stream(DELTA_ADS, {
      onMessage(message) {
        if (call !== mine) return;
        failures = 0;
        enter({ t: 'connected' });
        const response = decodeDeltaResponse(message);
        if (response.typeUrl === HEALTH_TYPE_URL) health?.heard.resolve();
        else relay.receive(response);
      },
      onEnd(status) {
        if (call !== mine && call !== undefined) return; // replaced by a newer stream
        call = undefined;
        relay.client.disconnected();
        if (!closed) reconnectLater(status.message ?? `gRPC status ${status.code}`);
      },
    });
    call = mine;
    introduced = false;
    if (health !== undefined) health.told = false;
    relay.client.connected();
    flush();
  };
  const reconnectLater = (reason: string): void => {
    enter({ t: 'away', reason });
    // Half of the delay is random, so that a fleet does not come back in step; never longer than what "re-synced within 5 s" allows.
    const delayMs = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(failures, 10)) * (0.5 + 0.5 * platform.random.next());
    failures++;
    platform.log.debug('The discovery stream ended', { reason, retryInMs: Math.round(delayMs) });
    timer = platform.timers.after(delayMs, connect);
  };
  connect();
  return {
    get state() {
      return state;
    },
    flush,
    report(value) {
      health?.heard.resolve(); // overtaken
      health = { value, told: false, heard: Promise.withResolvers() };
      flush();
      return health.heard.promise;
    },
    renew() {
      if (closed) return;
      channel.refresh();
      timer?.cancel();
      const old = call;
      call = undefined;
      relay.client.disconnected();
      connect();
      old?.cancel();
    },
    close() {
      closed = true;
      timer?.cancel();
      call?.cancel();
    },
  };
}

function healthReport(health: ApplicationHealth): DeltaRequest {
  const request = { typeUrl: HEALTH_TYPE_URL, subscribe: [], unsubscribe: [], initialVersions: new Map<string, string>(), nonce: '' };
  return health.t === 'healthy' ? request : { ...request, error: { code: Status.UNAVAILABLE, message: health.reason } };
}
