import { silentLog, type Log } from '@meltemi/base';
import { Status, type MethodHandler } from '@meltemi/grpc';
import { parseSpiffeId } from '@meltemi/pki';
import type { ProtoCodec } from '@meltemi/protos';
import { TELEMETRY_PROTO, type TelemetryBatch } from '@meltemi/telemetry';
import type { TelemetryStore } from '@meltemi/telemetry-store';

export interface IngestHandlerDeps {
  readonly store: TelemetryStore;
  readonly codec: ProtoCodec;
  /** Certificates of another one are not of this mesh. */
  readonly trustDomain: string;
  readonly log?: Log;
}

/**
 * `TelemetryService/Report` for the port with mutual TLS: the certificate says whose series a stream may bring. Without a verified
 * certificate the call ends with UNAUTHENTICATED. Each batch is acknowledged when it is stored; what was refused is said in the answer.
 * A sender whose workload is not known (yet: its registration may be on the way) is sent off with FAILED_PRECONDITION and comes again,
 * with everything it has.
 */
export function telemetryHandler({ store, codec, trustDomain, log = silentLog }: IngestHandlerDeps): MethodHandler {
  return (call) => {
    const { principal } = call.peer;
    const id = principal === undefined ? undefined : parseSpiffeId(principal);
    if (principal === undefined || id?.trustDomain !== trustDomain) {
      call.end({
        code: Status.UNAUTHENTICATED,
        message: `telemetry is taken from workloads with a certificate of the mesh (trust domain ${trustDomain}) only`,
      });
      return { onMessage: () => undefined };
    }
    const stream = store.open({ namespace: id.namespace, serviceAccount: id.serviceAccount, principal });
    let saidWhy = '';
    return {
      onMessage(message) {
        const ack = stream.ingest(codec.decode(TELEMETRY_PROTO.batch, message) as TelemetryBatch);
        if (ack.reason !== undefined && ack.reason !== saidWhy) {
          saidWhy = ack.reason;
          log.warn('telemetry was refused', { principal, reason: ack.reason, refused: ack.refused });
        }
        if (stream.isBound) call.write(codec.encode(TELEMETRY_PROTO.ack, ack));
        else call.end({ code: Status.FAILED_PRECONDITION, message: ack.reason ?? '' });
      },
      onHalfClose: () => call.end(),
      onClose: () => stream.close(),
    };
  };
}
