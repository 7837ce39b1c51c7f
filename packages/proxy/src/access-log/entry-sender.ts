import { ProtoWriter, WireType } from '@meltemi/base';
import { loadCodec, type ProtoCodec } from '@meltemi/protos';
import type { GrpcLog, Tally } from '@meltemi/runtime';
import type { Worker } from '../core/worker.ts';
import { grpcFrame, openGrpcStream, type GrpcStream } from '../http/grpc-stream.ts';
import type { Sender } from './remote-logs.ts';

const PATH = '/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs';
const IDENTIFIER = 'envoy.service.accesslog.v3.StreamAccessLogsMessage.Identifier';
const ENTRY_TYPES = { http: 'envoy.data.accesslog.v3.HTTPAccessLogEntry', tcp: 'envoy.data.accesslog.v3.TCPAccessLogEntry' } as const;
/** Fields of `StreamAccessLogsMessage`; the entries of each kind stand in the first field of theirs. */
const FIELD = { identifier: 1, http: 2, tcp: 3 } as const;
const COUNTERS = 'access_logs.grpc_access_log';
/** While the service is away or slow, no more than this waits; later entries are dropped and counted. */
const MAX_WAITING_BYTES = 1024 * 1024;
const RETRY_MS = 1_000;

/** Entries of Envoy's access log service, on one stream that is opened with the first of them. */
export class EntrySender implements Sender {
  readonly #worker: Worker;
  readonly #log: GrpcLog;
  readonly #codec: ProtoCodec;
  readonly #written: Tally;
  readonly #dropped: Tally;
  #entries: Uint8Array[] = [];
  #bytes = 0;
  #stream: GrpcStream | undefined = undefined;
  /** The service takes no more at present. */
  #blocked = false;
  #named = false;
  #notBeforeMs = 0;

  constructor(worker: Worker, log: GrpcLog) {
    this.#worker = worker;
    this.#written = worker.counters.tally(`${COUNTERS}.logs_written`);
    this.#dropped = worker.counters.tally(`${COUNTERS}.logs_dropped`);
    this.#log = log;
    this.#codec = loadCodec('sidecar');
  }

  add(entry: object): void {
    const bytes = this.#encode(entry);
    const room = bytes !== undefined && this.#bytes + bytes.length <= Math.max(MAX_WAITING_BYTES, this.#log.bufferBytes);
    (room ? this.#written : this.#dropped).value++;
    if (!room) return;
    this.#entries.push(bytes);
    this.#bytes += bytes.length;
    if (this.#bytes >= this.#log.bufferBytes) this.flush();
  }

  /** A value that has no place in the message is no reason to lose a request for. */
  #encode(entry: object): Uint8Array | undefined {
    try {
      return this.#codec.encode(ENTRY_TYPES[this.#log.entries], entry);
    } catch {
      return undefined;
    }
  }

  flush(): void {
    if (this.#entries.length === 0 || this.#blocked) return;
    if (this.#stream === undefined) {
      if (this.#worker.ports.clock.monotonic() < this.#notBeforeMs) return;
      this.#named = false;
      this.#stream = openGrpcStream(this.#worker, { service: this.#log.service, path: PATH }, this);
    }
    const message = this.#message();
    this.#entries = [];
    this.#bytes = 0;
    // Until the connection stands `write` says no, too.
    this.#blocked = !this.#stream.write(grpcFrame(message));
  }

  close(): void {
    this.flush();
    this.#stream?.end();
    this.#stream = undefined;
  }

  onRoom(): void {
    this.#blocked = false;
    if (this.#bytes >= this.#log.bufferBytes) this.flush();
  }

  onClosed(reason: string): void {
    this.#stream = undefined;
    this.#blocked = false;
    this.#notBeforeMs = this.#worker.ports.clock.monotonic() + RETRY_MS;
    this.#worker.log.debug('a stream to an access log service has ended', { cluster: this.#log.service.cluster, log: this.#log.logName, reason });
  }

  #message(): Uint8Array {
    const writer = new ProtoWriter(this.#bytes + 256);
    if (!this.#named) {
      this.#named = true;
      const identifier = { node: this.#worker.ports.node ?? {}, log_name: this.#log.logName };
      writer.tag(FIELD.identifier, WireType.bytes).bytes(this.#codec.encode(IDENTIFIER, identifier));
    }
    writer.tag(FIELD[this.#log.entries], WireType.bytes);
    const mark = writer.begin();
    for (const entry of this.#entries) writer.tag(1, WireType.bytes).bytes(entry);
    return writer.finish(mark).take();
  }
}
