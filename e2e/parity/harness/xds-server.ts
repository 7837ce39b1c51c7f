import { createGrpcServer, type ServerCall } from '@meltemi/grpc';
import type { ProtoCodec } from '@meltemi/protos';
import { messageName, TYPE_URL } from '@meltemi/protos-types';
import { TELEMETRY_PROTO, type TelemetryBatch } from '@meltemi/telemetry';
import {
  createResource,
  createServerSession,
  decodeDeltaRequest,
  encodeDeltaResponse,
  type DeltaRequest,
  type DeltaResponse,
  type Resource,
  type ServerSession,
} from '@meltemi/xds';
import type { Resources } from '../resources.ts';

/** What a client said to one push: nothing (all taken), or the messages of its refusals. */
export type PushResult = readonly string[];

/** Delta ADS on a Unix socket for one proxy. */
export interface XdsServer extends AsyncDisposable {
  /** Sets (or takes away) resources, sends them and waits until the client has answered everything. Pushes go one after another. */
  push(resources: Resources, remove?: boolean): Promise<PushResult>;
}

type Session = ServerSession<DeltaRequest, DeltaResponse>;

const PUSH_LIMIT_MS = 10_000;
/** A client that does not ask for the endpoints of a cluster (because it refused it) is not waited for longer. */
const HOLD_LIMIT_MS = 300;

const TYPES: readonly (readonly [keyof Resources, string, (json: never) => string])[] = [
  ['clusters', TYPE_URL.cluster, (json: { name: string }) => json.name],
  ['endpoints', TYPE_URL.endpoint, (json: { cluster_name: string }) => json.cluster_name],
  ['listeners', TYPE_URL.listener, (json: { name: string }) => json.name],
  ['routes', TYPE_URL.route, (json: { name: string }) => json.name],
  ['secrets', TYPE_URL.secret, (json: { name: string }) => json.name],
];

/** The set resources, as sessions see them. */
function createStore(codec: ProtoCodec) {
  const types = new Map<string, ReadonlyMap<string, Resource>>();
  let version = 1;
  return {
    get version() {
      return version;
    },
    resources(typeUrl: string, names: ReadonlySet<string> | '*') {
      const all = types.get(typeUrl) ?? new Map<string, Resource>();
      return names === '*' ? all : new Map([...all].filter(([name]) => names.has(name)));
    },
    set(resources: Resources, remove: boolean) {
      version++;
      for (const [field, typeUrl, nameOf] of TYPES) {
        const items = resources[field] ?? [];
        if (items.length === 0) continue;
        const next = new Map(types.get(typeUrl));
        for (const json of items) {
          const name = nameOf(json as never);
          if (remove) next.delete(name);
          else next.set(name, createResource(name, codec.encode(messageName(typeUrl), json), endpointNameOf(json)));
        }
        types.set(typeUrl, next);
      }
    },
  };
}

function endpointNameOf(json: object): string | undefined {
  const { type, name } = json as { readonly type?: string; readonly name?: string };
  return type === 'EDS' ? name : undefined;
}

function pump(session: Session, call: ServerCall): void {
  for (let response = session.next(); response !== undefined; response = session.next()) call.write(encodeDeltaResponse(response));
}

/** Takes what our proxy reports. */
function acknowledge(codec: ProtoCodec) {
  return (call: ServerCall) => ({
    onMessage(message: Uint8Array) {
      const { sequence } = codec.decode(TELEMETRY_PROTO.batch, message) as TelemetryBatch;
      call.write(codec.encode(TELEMETRY_PROTO.ack, { sequence }));
    },
  });
}

/** `always` is there from the start and stays. */
export async function startXdsServer(socketPath: string, codec: ProtoCodec, always: Resources = {}): Promise<XdsServer> {
  const store = createStore(codec);
  store.set(always, false);
  const open = new Map<Session, ServerCall>();
  let streams = 0;
  let refusals: string[] = [];
  let heard: () => void = () => undefined;

  const ads = (call: ServerCall) => {
    const session = createServerSession('delta', { source: store, noncePrefix: `${++streams}-` });
    open.set(session, call);
    return {
      onMessage(message: Uint8Array) {
        const verdict = session.receive(decodeDeltaRequest(message));
        if (verdict?.t === 'nack') refusals.push(verdict.message);
        pump(session, call);
        heard();
      },
      onClose: () => void open.delete(session),
    };
  };
  const server = createGrpcServer({
    methods: {
      '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources': ads,
      [TELEMETRY_PROTO.method]: acknowledge(codec),
    },
  });
  await server.listen({ socketPath });

  const settled = (): boolean => open.size > 0 && [...open.keys()].every((session) => session.statuses().every(({ outstanding }) => !outstanding));
  const wait = (limitMs: number): Promise<void> =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, limitMs);
      heard = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  const pushNow = async (resources: Resources, remove: boolean): Promise<PushResult> => {
    store.set(resources, remove);
    refusals = [];
    for (const [session, call] of open) {
      session.changed();
      pump(session, call);
    }
    const started = performance.now();
    while (!settled()) {
      const waited = performance.now() - started;
      if (waited > PUSH_LIMIT_MS) throw new Error(`the client has not answered a push within ${PUSH_LIMIT_MS} ms`);
      for (const [session, call] of open) {
        if (waited < HOLD_LIMIT_MS || !session.holdsBack) continue;
        session.stopHoldingBack();
        pump(session, call);
      }
      await wait(HOLD_LIMIT_MS);
    }
    return refusals;
  };
  let last: Promise<unknown> = Promise.resolve();
  return {
    push(resources, remove = false) {
      const result = last.then(() => pushNow(resources, remove));
      last = result.catch(() => undefined);
      return result;
    },
    [Symbol.asyncDispose]: () => server.close(),
  };
}
