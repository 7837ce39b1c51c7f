import type { Clock, Log, Random, Timer, Timers } from '@meltemi/base';
import type { Channel, ClientCall } from '@meltemi/grpc';
import { decodeDeltaResponse, encodeDeltaRequest, type DeltaClient, type DeltaResponse } from '@meltemi/xds';
import { createBackoff } from './backoff.ts';

const METHOD = '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources';
/** A stream that lived so long was a good one: the next attempt starts without waiting long. */
const STABLE_MS = 2_000;

export interface AdsStreamOptions {
  readonly channel: Channel;
  readonly client: DeltaClient;
  readonly onResponse: (response: DeltaResponse) => void;
  readonly onState: (connected: boolean, reason: string) => void;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly log: Log;
}

/** Keeps one delta ADS stream up, for ever: whatever was in force stays in force while it is down. */
export interface AdsStream extends Disposable {
  /** Sends what the client has queued. */
  flush(): void;
  readonly connected: boolean;
}

export function openAdsStream(options: AdsStreamOptions): AdsStream {
  const { channel, client, clock, timers, log } = options;
  const backoff = createBackoff(25, 2_000);
  let call: ClientCall | undefined;
  let retry: Timer | undefined;
  let closed = false;
  let connected = false;

  const flush = (): void => {
    if (call === undefined) return;
    for (const request of client.takeRequests()) call.write(encodeDeltaRequest(request));
  };

  const receive = (message: Uint8Array): void => {
    if (!connected) {
      connected = true;
      options.onState(true, '');
    }
    let response: DeltaResponse;
    try {
      response = decodeDeltaResponse(message);
    } catch (error) {
      // Not the resources but the envelope is broken: nothing on this stream can be trusted any more.
      log.error('a discovery response cannot be read; opening a new stream', { error: String(error) });
      call?.cancel();
      return;
    }
    options.onResponse(response);
    flush();
  };

  const open = (): void => {
    retry = undefined;
    const since = clock.monotonic();
    call = channel.stream(METHOD, {
      onMessage: receive,
      onEnd(status) {
        call = undefined;
        if (closed) return;
        client.disconnected();
        if (connected) options.onState(false, status.message ?? '');
        connected = false;
        if (clock.monotonic() - since >= STABLE_MS) backoff.reset();
        retry = timers.after(backoff.nextMs(options.random.next()), open);
      },
    });
    client.connected();
    flush();
  };
  open();

  return {
    flush,
    get connected() {
      return connected;
    },
    [Symbol.dispose]() {
      closed = true;
      retry?.cancel();
      call?.cancel();
    },
  };
}
