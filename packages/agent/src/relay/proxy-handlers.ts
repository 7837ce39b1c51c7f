import { type Channel, type MethodHandler, type ServerCall, Status } from '@meltemi/grpc';
import { decodeDeltaRequest, encodeDeltaResponse } from '@meltemi/xds';
import type { Relay } from './relay.ts';

/** gRPC paths of the discovery services that proxies use; secrets come over ADS, or over their own service for those that ask there. */
export const DELTA_ADS = '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources';
const DELTA_SECRETS = '/envoy.service.secret.v3.SecretDiscoveryService/DeltaSecrets';
const TELEMETRY_REPORT = '/meltemi.telemetry.v1.TelemetryService/Report';

/** Handlers of the agent's Unix socket. */
export interface ProxyHandlers {
  readonly methods: Readonly<Record<string, MethodHandler>>;
  /** Writes what waits for proxies. Call when the relay says there is work. */
  flush(): void;
  /** Proxies connected now. */
  readonly sessions: number;
}

/** Serves discovery out of the relay, and hands telemetry streams of the proxy on to the control plane as they are. */
export function createProxyHandlers(relay: () => Relay, channel: () => Channel): ProxyHandlers {
  const flushes = new Set<() => void>();
  const discovery: MethodHandler = (call) => {
    const session = relay().openSession();
    let waiting = false;
    const flush = (): void => {
      for (let next = waiting ? undefined : session.next(); next !== undefined; next = session.next()) {
        if (call.write(encodeDeltaResponse(next))) continue;
        waiting = true;
        call.onDrain(() => {
          waiting = false;
          flush();
        });
        return;
      }
    };
    flushes.add(flush);
    return {
      onMessage: (message) => session.receive(decodeDeltaRequest(message)),
      onHalfClose: () => call.end(),
      onClose() {
        flushes.delete(flush);
        session.close();
      },
    };
  };
  return {
    methods: { [DELTA_ADS]: discovery, [DELTA_SECRETS]: discovery, [TELEMETRY_REPORT]: passOn(channel, TELEMETRY_REPORT) },
    flush() {
      for (const flush of flushes) flush();
    },
    get sessions() {
      return flushes.size;
    },
  };
}

/** Joins a call of the proxy with one of ours to the control plane; when one ends, so does the other. Who writes faster than the other end reads waits. */
function passOn(channel: () => Channel, path: string): MethodHandler {
  return (call) => {
    const upstream = channel().stream(path, {
      onMessage: (message) => hand(message, upstream, call),
      onEnd: (status) => call.end(status.code === Status.OK ? { code: Status.OK } : status),
    });
    return { onMessage: (message) => hand(message, call, upstream), onHalfClose: () => upstream.halfClose(), onClose: () => upstream.cancel() };
  };
}

type End = Pick<ServerCall, 'write' | 'onDrain' | 'pause' | 'resume'>;

function hand(message: Uint8Array, from: End, to: End): void {
  if (to.write(message)) return;
  from.pause();
  to.onDrain(() => from.resume());
}
