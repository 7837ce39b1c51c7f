import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hashBytes } from '@meltemi/base';
import { createGrpcServer, type GrpcServer, type ServerCall } from '@meltemi/grpc';
import { loadCodec, type ProtoCodec } from '@meltemi/protos';
import { messageName } from '@meltemi/protos-types';
import { TELEMETRY_PROTO, type TelemetryBatch } from '@meltemi/telemetry/recording';
import {
  createServerSession,
  decodeDeltaRequest,
  encodeDeltaResponse,
  type DeltaRequest,
  type DeltaResponse,
  type Resource,
  type ServerSession,
  type Verdict,
} from '@meltemi/xds';

/** An agent for tests: delta ADS on a Unix socket from resources that the test sets, and a telemetry service that remembers. */
export interface FakeAgent extends AsyncDisposable {
  readonly socketPath: string;
  readonly codec: ProtoCodec;
  readonly verdicts: readonly Verdict[];
  readonly batches: readonly TelemetryBatch[];
  readonly streams: number;
  /** Requests about this type get no answer, until it is `undefined`: then all of them do. */
  silence(typeUrl: string | undefined): void;
  /** Sets resources by type URL and name (undefined removes) and pushes them. */
  push(changes: Readonly<Record<string, Readonly<Record<string, object | undefined>>>>): void;
  /** Goes away with all connections; what was set is kept. */
  stop(): Promise<void>;
  start(): Promise<void>;
}

type Session = ServerSession<DeltaRequest, DeltaResponse>;

/** What the test set, as the server's sessions see it. */
function createSource(codec: ProtoCodec) {
  const types = new Map<string, Map<string, Resource>>();
  let version = 1;
  return {
    get version() {
      return version;
    },
    resources(typeUrl: string, names: ReadonlySet<string> | '*') {
      const all = types.get(typeUrl) ?? new Map<string, Resource>();
      return names === '*' ? all : new Map([...all].filter(([name]) => names.has(name)));
    },
    set(changes: Parameters<FakeAgent['push']>[0]) {
      version++;
      for (const [typeUrl, resources] of Object.entries(changes)) {
        const next = new Map(types.get(typeUrl));
        for (const [name, json] of Object.entries(resources)) {
          if (json === undefined) next.delete(name);
          else next.set(name, encode(codec, typeUrl, name, json));
        }
        types.set(typeUrl, next);
      }
    },
  };
}

function encode(codec: ProtoCodec, typeUrl: string, name: string, json: object): Resource {
  const bytes = codec.encode(messageName(typeUrl), json);
  return { name, version: hashBytes(bytes), bytes };
}

function pump(session: Session, call: ServerCall): void {
  for (let response = session.next(); response !== undefined; response = session.next()) call.write(encodeDeltaResponse(response));
}

/** Acknowledges everything. */
function rememberBatches(codec: ProtoCodec, batches: TelemetryBatch[]) {
  return (call: ServerCall) => ({
    onMessage(message: Uint8Array) {
      const batch = codec.decode(TELEMETRY_PROTO.batch, message) as TelemetryBatch;
      batches.push(batch);
      call.write(codec.encode(TELEMETRY_PROTO.ack, { sequence: batch.sequence }));
    },
  });
}

export async function startFakeAgent(): Promise<FakeAgent> {
  const directory = await mkdtemp(join(tmpdir(), 'meltemi-proxy-'));
  const socketPath = join(directory, 'agent.sock');
  const codec = loadCodec('sidecar');
  const source = createSource(codec);
  const open = new Set<{ readonly session: Session; readonly call: ServerCall }>();
  const verdicts: Verdict[] = [];
  const batches: TelemetryBatch[] = [];
  let streams = 0;
  let silentAbout: string | undefined;
  let unanswered: (() => void)[] = [];
  let server: GrpcServer | undefined;

  const ads = (call: ServerCall) => {
    const session = createServerSession('delta', { source, noncePrefix: `${++streams}-` });
    const entry = { session, call };
    open.add(entry);
    const answer = (request: ReturnType<typeof decodeDeltaRequest>): void => {
      const verdict = session.receive(request);
      if (verdict !== undefined) verdicts.push(verdict);
      pump(session, call);
    };
    return {
      onMessage(message: Uint8Array) {
        const request = decodeDeltaRequest(message);
        if (request.typeUrl === silentAbout) unanswered.push(() => answer(request));
        else answer(request);
      },
      onClose: () => void open.delete(entry),
    };
  };
  const methods = {
    '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources': ads,
    [TELEMETRY_PROTO.method]: rememberBatches(codec, batches),
  };

  const start = async (): Promise<void> => {
    server = createGrpcServer({ methods });
    await server.listen({ socketPath });
  };
  const stop = async (): Promise<void> => {
    await server?.close();
    server = undefined;
  };
  const push: FakeAgent['push'] = (changes) => {
    source.set(changes);
    for (const { session, call } of open) {
      session.changed();
      pump(session, call);
    }
  };
  await start();
  return {
    socketPath,
    codec,
    verdicts,
    batches,
    get streams() {
      return streams;
    },
    push,
    silence(typeUrl) {
      silentAbout = typeUrl;
      const late = typeUrl === undefined ? unanswered : [];
      if (typeUrl === undefined) unanswered = [];
      for (const answer of late) answer();
    },
    start,
    stop,
    async [Symbol.asyncDispose]() {
      await stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
