import { createChannel } from '@meltemi/grpc';
import type { ProtoCodec } from '@meltemi/protos';
import { createDeltaClient, decodeDeltaResponse, encodeDeltaRequest, type Update } from '@meltemi/xds';

const PATH = '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources';

/** A proxy that only takes configuration: delta ADS, in plain text. It keeps what it has over its connections. */
export interface LightProxy {
  readonly updates: readonly Update[];
  /** Refuses resources of these names. */
  readonly refuse: Set<string>;
  connect(target: { readonly host: string; readonly port: number }): void;
  /** The connection goes; what was accepted stays. */
  disconnect(): Promise<void>;
}

/** `onUpdate` is called after each verdict. */
export function createLightProxy(
  codec: ProtoCodec,
  node: object,
  types: readonly string[],
  onUpdate: (update: Update, subscribe: (typeUrl: string, names: readonly string[]) => void) => void,
): LightProxy {
  const client = createDeltaClient({ node: codec.encode('envoy.config.core.v3.Node', node) });
  for (const type of types) client.subscribe(type, ['*']);
  const updates: Update[] = [];
  const refuse = new Set<string>();
  let channel: ReturnType<typeof createChannel> | undefined;
  return {
    updates,
    refuse,
    connect(target) {
      channel = createChannel({ target });
      const flush = (): void => {
        for (const request of client.takeRequests()) call.write(encodeDeltaRequest(request));
      };
      const call = channel.stream(PATH, {
        onMessage(message) {
          const update = client.receive(decodeDeltaResponse(message));
          updates.push(update);
          client.settle(
            update,
            update.added.filter(({ name }) => refuse.has(name)).map(({ name }) => ({ name, message: 'refused by the test' })),
          );
          flush();
          onUpdate(update, (typeUrl, names) => {
            client.subscribe(typeUrl, names);
            flush();
          });
        },
        onEnd() {},
      });
      client.connected();
      flush();
    },
    async disconnect() {
      await channel?.close();
    },
  };
}
