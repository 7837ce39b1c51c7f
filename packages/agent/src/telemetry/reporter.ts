import type { Timer } from '@meltemi/base';
import type { Channel, ClientCall } from '@meltemi/grpc';
import type { LogSource } from '@meltemi/telemetry';
import {
  type BatchEncoder,
  createBatchEncoder,
  type MetricRegistry,
  type Span,
  TELEMETRY_PROTO,
  type TelemetryNode,
} from '@meltemi/telemetry/recording';
import type { Platform } from '../platform.ts';
import { decodeTelemetryAck, encodeTelemetryBatch } from '../wire/telemetry.ts';

/** Sends what the agent itself observes (lines of the application; with Envoy also metrics and spans) to the control plane, once a second. */
export interface Reporter {
  addLog(source: LogSource, text: string): void;
  addSpan(span: Span): void;
  close(): void;
}

export interface ReporterOptions {
  readonly channel: Channel;
  readonly node: TelemetryNode;
  readonly registry: MetricRegistry;
  readonly platform: Platform;
}

const EVERY_MS = 1000;
const MAX_LINE_CHARS = 8192;

export function startReporter(options: ReporterOptions): Reporter {
  const { platform, registry } = options;
  const encoder = createBatchEncoder({ registry, node: options.node });
  let queued = false;
  let call: ClientCall | undefined;
  let timer: Timer | undefined;
  const tick = (): void => {
    timer = platform.timers.after(EVERY_MS, tick);
    // An agent that has nothing to tell keeps no stream open.
    if (call === undefined && !queued && registry.size === 0) return;
    call ??= openStream(options, encoder, (ended) => {
      if (call === ended) call = undefined;
    });
    call.write(encodeTelemetryBatch(encoder.next(platform.clock.now())));
  };
  timer = platform.timers.after(EVERY_MS * platform.random.next(), tick);
  return {
    addLog(source, text) {
      queued = true;
      encoder.addLog({ time_ms: platform.clock.now(), source, text: text.length > MAX_LINE_CHARS ? `${text.slice(0, MAX_LINE_CHARS)}…` : text });
    },
    addSpan(span) {
      queued = true;
      encoder.addSpan(span);
    },
    close() {
      timer?.cancel();
      // What happened in the last second is told before we go.
      if (call !== undefined) {
        call.write(encodeTelemetryBatch(encoder.next(platform.clock.now())));
        call.halfClose();
      }
    },
  };
}

function openStream(options: ReporterOptions, encoder: BatchEncoder, onEnd: (call: ClientCall) => void): ClientCall {
  encoder.reset();
  const call: ClientCall = options.channel.stream(TELEMETRY_PROTO.method, {
    onMessage(message) {
      const ack = readAck(message, options);
      if (ack === undefined) return call.cancel();
      encoder.acknowledged(ack.sequence ?? 0);
      if (ack.reason !== undefined && ack.reason !== '')
        options.platform.log.warn('The control plane refused a part of our telemetry', { reason: ack.reason, refused: ack.refused });
    },
    onEnd: () => onEnd(call),
  });
  return call;
}

/** Undefined and logged: it cannot be read. */
function readAck(message: Uint8Array, { platform }: ReporterOptions): ReturnType<typeof decodeTelemetryAck> | undefined {
  try {
    return decodeTelemetryAck(message);
  } catch (error) {
    platform.log.error('The control plane answered our telemetry with something that cannot be read', { error: String(error) });
    return undefined;
  }
}
