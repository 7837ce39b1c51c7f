import { ProtoWriter, WireType } from '@meltemi/base';
import { loadCodec, type ProtoCodec } from '@meltemi/protos';
import type { OtelLog, Tally } from '@meltemi/runtime';
import type { Worker } from '../core/worker.ts';
import { callGrpc, type GrpcMethod } from '../http/filters/grpc-unary.ts';
import { sendAside, type SideRequest } from '../http/side-request.ts';
import { httpRequest } from '../tracing/otlp.ts';
import { anyValue, type KeyValue } from './otel-record.ts';
import type { Sender } from './remote-logs.ts';

const METHOD: GrpcMethod = {
  path: '/opentelemetry.proto.collector.logs.v1.LogsService/Export',
  request: 'opentelemetry.proto.collector.logs.v1.ExportLogsServiceRequest',
  response: 'opentelemetry.proto.collector.logs.v1.ExportLogsServiceResponse',
};
const RECORD = 'opentelemetry.proto.logs.v1.LogRecord';
const RESOURCE = 'opentelemetry.proto.resource.v1.Resource';
const PROTOBUF: SideRequest['headers'] = [['content-type', 'application/x-protobuf']];
const COUNTERS = 'access_logs.open_telemetry_access_log';
/** Batches under way; while the collector is slow, records beyond them are dropped and counted. */
const MAX_CALLS = 16;

/** OTLP log records, one call for each batch. */
export class RecordSender implements Sender {
  readonly #worker: Worker;
  readonly #log: OtelLog;
  readonly #codec: ProtoCodec;
  readonly #written: Tally;
  readonly #dropped: Tally;
  readonly #resource: Uint8Array;
  #records: Uint8Array[] = [];
  #bytes = 0;
  #calls = 0;

  constructor(worker: Worker, log: OtelLog) {
    this.#worker = worker;
    this.#log = log;
    this.#written = worker.counters.tally(`${COUNTERS}.${log.statPrefix}logs_written`);
    this.#dropped = worker.counters.tally(`${COUNTERS}.${log.statPrefix}logs_dropped`);
    this.#codec = loadCodec('sidecar');
    this.#resource = this.#codec.encode(RESOURCE, { attributes: resourceOf(worker, log) });
  }

  add(record: object): void {
    const bytes = this.#calls < MAX_CALLS ? this.#encode(record) : undefined;
    (bytes === undefined ? this.#dropped : this.#written).value++;
    if (bytes === undefined) return;
    this.#records.push(bytes);
    this.#bytes += bytes.length;
    if (this.#bytes >= this.#log.bufferBytes) this.flush();
  }

  #encode(record: object): Uint8Array | undefined {
    try {
      return this.#codec.encode(RECORD, record);
    } catch {
      return undefined;
    }
  }

  flush(): void {
    if (this.#records.length === 0) return;
    const message = this.#message();
    this.#records = [];
    this.#bytes = 0;
    this.#calls++;
    const { httpService, service } = this.#log;
    if (httpService !== undefined)
      sendAside(this.#worker, httpRequest(httpService, message, PROTOBUF), (outcome) =>
        this.#answered(httpService.cluster, outcome.t === 'response' ? statusFault(outcome.status) : outcome.t),
      );
    else
      callGrpc(this.#worker, service, { method: METHOD, message }, (answer) =>
        this.#answered(service.cluster, answer.t === 'failed' ? answer.reason : undefined),
      );
  }

  #answered(cluster: string, reason: string | undefined): void {
    this.#calls--;
    if (reason !== undefined) this.#worker.log.debug('log records could not be handed over', { cluster, reason });
  }

  close(): void {
    this.flush();
  }

  /** `ExportLogsServiceRequest { resource_logs { resource, scope_logs { log_records } } }`. */
  #message(): Uint8Array {
    const writer = new ProtoWriter(this.#bytes + this.#resource.length + 64);
    const resourceLogs = writer.tag(1, WireType.bytes).begin();
    writer.tag(1, WireType.bytes).bytes(this.#resource);
    const scopeLogs = writer.tag(2, WireType.bytes).begin();
    for (const record of this.#records) writer.tag(2, WireType.bytes).bytes(record);
    return writer.finish(scopeLogs).finish(resourceLogs).take();
  }
}

function statusFault(status: number): string | undefined {
  return status < 300 ? undefined : `status ${status}`;
}

function resourceOf({ ports: { node } }: Worker, log: OtelLog): readonly KeyValue[] {
  const own = { log_name: log.logName, zone_name: node?.locality?.zone ?? '', cluster_name: node?.cluster ?? '', node_name: node?.id ?? '' };
  const all = { ...(log.builtinLabels ? own : {}), ...log.resourceAttributes };
  return Object.entries(all).map(([key, value]) => ({ key, value: anyValue(value) }));
}
