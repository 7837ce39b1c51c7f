import { zstdDecompressSync } from 'node:zlib';
import { createChannel, type GrpcStatus } from '@meltemi/grpc';
import type { ProtoCodec } from '@meltemi/protos';
import type { JsonObject } from '@meltemi/protos-types';
import { createDeltaClient, decodeDeltaResponse, encodeDeltaRequest, type Decompress, type Rejection, type Resource, type Update } from '@meltemi/xds';

/** A delta ADS client over a real connection that keeps what it was sent. */
export interface TestAdsClient extends AsyncDisposable {
  /** Accepted resources, `<type URL> <name>` to decoded message. */
  readonly resources: ReadonlyMap<string, JsonObject>;
  readonly updates: readonly Update[];
  readonly ended: Promise<GrpcStatus>;
  subscribe(typeUrl: string, names: readonly string[]): void;
  /** Resolves once `test` holds; checked after every response. */
  until(test: () => boolean): Promise<void>;
  /** Withholds verdicts while set. */
  muted: boolean;
  /** Ends that, and gives those that were withheld. */
  answer(): void;
  /** Names to refuse. */
  readonly refuse: Set<string>;
  /** Bytes of responses so far. */
  readonly bytes: number;
}

export interface TestNode {
  readonly id: string;
  readonly metadata?: JsonObject;
  /** It keeps contents, and takes patches of them, as agents do. */
  readonly takesPatches?: boolean;
  /** It takes compressed resources. */
  readonly takesCompressed?: boolean;
}

const decompress: Decompress = (frame, maxOutputLength) => zstdDecompressSync(frame, { maxOutputLength });
const PATH = '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources';

export function createTestAdsClient(port: number, codec: ProtoCodec, { takesPatches = false, takesCompressed = false, ...node }: TestNode, subscriptions: readonly string[]): TestAdsClient {
  const channel = createChannel({ target: { host: '127.0.0.1', port } });
  const contents = new Map<string, Resource>();
  const held = (typeUrl: string, name: string, version: string): Uint8Array | undefined => {
    const content = contents.get(`${typeUrl} ${name}`);
    return content?.version === version ? content.bytes : undefined;
  };
  const client = createDeltaClient({ node: codec.encode('envoy.config.core.v3.Node', node), ...(takesPatches ? { held } : {}), ...(takesCompressed ? { decompress } : {}) });
  let bytesSoFar = 0;
  const resources = new Map<string, JsonObject>();
  const updates: Update[] = [];
  const refuse = new Set<string>();
  const ended = Promise.withResolvers<GrpcStatus>();
  let waiting: (() => void)[] = [];
  const withheld: { update: Update; rejections: readonly Rejection[] }[] = [];
  const flush = (): void => {
    for (const request of client.takeRequests()) call.write(encodeDeltaRequest(request));
  };
  const call = channel.stream(PATH, {
    onMessage(message) {
      bytesSoFar += message.length;
      const update = client.receive(decodeDeltaResponse(message));
      updates.push(update);
      const rejections: Rejection[] = [];
      for (const resource of update.added) {
        const { name, bytes } = resource;
        if (refuse.has(name)) rejections.push({ name, message: 'refused by the test' });
        else {
          resources.set(`${update.typeUrl} ${name}`, codec.decode(update.typeUrl as string, bytes));
          contents.set(`${update.typeUrl} ${name}`, resource);
        }
      }
      for (const name of update.removed) resources.delete(`${update.typeUrl} ${name}`);
      withheld.push({ update, rejections });
      if (!self.muted) self.answer();
      const now = waiting;
      waiting = [];
      for (const run of now) run();
    },
    onEnd: (status) => ended.resolve(status),
  });
  client.connected();
  for (const typeUrl of subscriptions) client.subscribe(typeUrl, ['*']);
  flush();
  const self: TestAdsClient = {
    resources,
    updates,
    refuse,
    get bytes() {
      return bytesSoFar;
    },
    muted: false,
    answer() {
      self.muted = false;
      for (const { update, rejections } of withheld.splice(0)) client.settle(update, rejections);
      flush();
    },
    ended: ended.promise,
    subscribe(typeUrl, names) {
      client.subscribe(typeUrl, names);
      flush();
    },
    async until(test) {
      while (!test()) await new Promise<void>((resolve) => waiting.push(resolve));
    },
    [Symbol.asyncDispose]: () => channel.close(),
  };
  return self;
}
