import { silentLog } from '@meltemi/base';
import { createGrpcServer } from '@meltemi/grpc';
import { loadCodec } from '@meltemi/protos';
import { TYPE_URL } from '@meltemi/protos-types';
import { createAdsServer, type AdsServer, type AdsServerOptions } from '../ads-server.ts';
import type { GeneratedResource, XdsGenerator } from '../generator.ts';
import { verifyIdentity } from '../identity.ts';

export const codec = loadCodec('sidecar');

/** State of the mesh: type URL to name to message. */
export type Push = ReadonlyMap<string, ReadonlyMap<string, GeneratedResource>>;

export function push(content: Record<string, Record<string, object>>): Push {
  return new Map(
    Object.entries(content).map(([typeUrl, items]) => [
      typeUrl,
      new Map(Object.entries(items).map(([name, json]) => [name, { json, ...(typeUrl === TYPE_URL.cluster ? { endpointName: name } : {}) }])),
    ]),
  );
}

export interface Room extends AsyncDisposable {
  readonly ads: AdsServer<Push>;
  readonly port: number;
  /** Ids of nodes for which resources were generated. */
  readonly generated: string[];
  /** Resolves once so many streams are open. */
  connected(count: number): Promise<void>;
}

export async function room(options: Partial<AdsServerOptions<Push>> & { secure?: boolean } = {}): Promise<Room> {
  const generated: string[] = [];
  const generator: XdsGenerator<Push> = {
    generate(node, typeUrl, names, state) {
      generated.push(node.id);
      const all = state.get(typeUrl) ?? new Map<string, GeneratedResource>();
      return names === '*' ? all : new Map([...all].filter(([name]) => names.has(name)));
    },
  };
  const ads = createAdsServer<Push>({
    generator,
    codec,
    clock: { now: () => Date.now(), monotonic: () => performance.now() },
    timers: {
      after(delayMs, run) {
        const timer = setTimeout(run, delayMs);
        return { cancel: () => clearTimeout(timer) };
      },
    },
    log: silentLog,
    verifyNode: (node) => verifyIdentity(node, 'cluster.local'),
    ...options,
  });
  const server = createGrpcServer({ methods: options.secure === true ? ads.secureHandlers : ads.plaintextHandlers });
  const { port } = await server.listen({ host: '127.0.0.1', port: 0 });
  return {
    ads,
    port,
    generated,
    async connected(count) {
      while (ads.nodes().length < count) {
        await new Promise<void>((resolve) => {
          const stop = ads.onConnection(() => {
            stop();
            resolve();
          });
        });
      }
    },
    async [Symbol.asyncDispose]() {
      ads.close();
      await server.close(100);
    },
  };
}

