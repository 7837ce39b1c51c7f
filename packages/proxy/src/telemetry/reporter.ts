import type { Clock, Log, Random, Timer, Timers } from '@meltemi/base';
import type { Channel, ClientCall } from '@meltemi/grpc';
import type { ProtoCodec } from '@meltemi/protos';
import { TELEMETRY_PROTO, type BatchEncoder, type TelemetryAck } from '@meltemi/telemetry/recording';
import { createBackoff } from '../config/backoff.ts';

export interface ReporterOptions {
  readonly channel: Channel;
  readonly codec: ProtoCodec;
  readonly encoder: BatchEncoder;
  /** Brings the registry up to date before a batch is cut. */
  readonly beforeBatch: () => Promise<void> | void;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly log: Log;
}

/** Sends a batch every second to the agent. While the agent is away nothing is lost: counters are cumulative, spans wait. */
export interface Reporter {
  /** Sends what there is and ends the stream. */
  close(): Promise<void>;
}

const EVERY_MS = 1_000;

export function startReporter(options: ReporterOptions): Reporter {
  const { channel, codec, encoder, clock, timers, log } = options;
  const backoff = createBackoff(250, 5_000);
  let call: ClientCall | undefined;
  let notBeforeMs = 0;
  let timer: Timer | undefined;
  let blocked = false;
  let closed = false;

  const open = (): ClientCall => {
    encoder.reset();
    return channel.stream(TELEMETRY_PROTO.method, {
      onMessage(message) {
        backoff.reset();
        const ack = codec.decode(TELEMETRY_PROTO.ack, message) as TelemetryAck;
        encoder.acknowledged(ack.sequence ?? 0);
        if ((ack.refused ?? 0) > 0) log.warn('telemetry was refused', { count: ack.refused, reason: ack.reason });
      },
      onEnd(status) {
        call = undefined;
        // What could not drain any more holds up nothing.
        blocked = false;
        notBeforeMs = clock.monotonic() + backoff.nextMs(options.random.next());
        if (!closed) log.debug('telemetry stream ended', { reason: status.message });
      },
    });
  };

  const send = async (): Promise<void> => {
    await options.beforeBatch();
    if (blocked || (call === undefined && clock.monotonic() < notBeforeMs)) return;
    call ??= open();
    const batch = codec.encode(TELEMETRY_PROTO.batch, encoder.next(clock.now()));
    if (call.write(batch)) return;
    blocked = true;
    call.onDrain(() => (blocked = false));
  };

  const tick = (): void => {
    timer = timers.after(EVERY_MS, tick);
    send().catch((error: unknown) => log.error('telemetry cannot be sent', { error: String(error) }));
  };
  timer = timers.after(EVERY_MS, tick);

  return {
    async close() {
      closed = true;
      timer?.cancel();
      if (call !== undefined) await send();
      call?.halfClose();
    },
  };
}
