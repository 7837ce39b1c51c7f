import assert from 'node:assert/strict';
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { TYPE_URL } from '@meltemi/protos-types';
import {
  createDeltaClient,
  createServerSession,
  decodeDeltaRequest,
  decodeDeltaResponse,
  decodeSotwRequest,
  encodeDeltaRequest,
  encodeDeltaResponse,
  encodeSotwRequest,
  encodeSotwResponse,
  type Rejection,
  type Resource,
  type SotwResponse,
} from '../index.ts';
import type { TestSource } from './source.ts';

const { cluster: CDS, listener: LDS } = TYPE_URL;
const NODE = new Uint8Array([10, 1, 65]);

/** What a client refuses, always and for its content alone. */
export const BAD = 'bad';

/** A client under test with the session that serves it, whatever the protocol; messages move when they are told to. */
export interface Harness {
  subscribe(typeUrl: string, name: string): void;
  unsubscribe(typeUrl: string, name: string): void;
  toClient(): boolean;
  toServer(): boolean;
  changed(typeUrl: string, name: string): void;
  reconnect(): void;
  stopHoldingBack(): boolean;
  versions(typeUrl: string): ReadonlyMap<string, string>;
  subscribed(typeUrl: string, name: string): boolean;
  syncedVersion(): number | undefined;
  refused(): boolean;
}

/**
 * A delta client; one that `holds` names keeps the contents of their resources and takes patches of them, and what is large compressed. With `servers` it
 * says digests; the servers of its streams, one after another, read them or are too old for it.
 */
export function deltaHarness(
  source: TestSource,
  holds?: readonly string[],
  servers: readonly boolean[] = [],
): Harness & { readonly patches: number; readonly groups: number; readonly digests: number; content(typeUrl: string, name: string): Uint8Array | undefined } {
  const contents = new Map<string, Resource>();
  let patches = 0;
  let groups = 0;
  const compress = holds === undefined ? undefined : (bytes: Uint8Array): Uint8Array => zstdCompressSync(bytes);
  const client = createDeltaClient({
    node: NODE,
    ...(servers.length === 0 ? {} : { minDigested: 1 }),
    ...(holds === undefined
      ? {}
      : {
          decompress: (frame: Uint8Array, maxOutputLength: number) => zstdDecompressSync(frame, { maxOutputLength }),
          held(typeUrl: string, name: string, version: string) {
            const content = contents.get(`${typeUrl} ${name}`);
            return content?.version === version && holds.includes(name) ? content.bytes : undefined;
          },
        }),
  });
  let [streams, digests] = [0, 0];
  const open = () => {
    const saysDigests = servers[streams++ % servers.length] === true;
    return createServerSession('delta', { source, takesPatches: holds !== undefined, saysDigests });
  };
  let server = open();
  const nonces = new Set<string>();
  client.subscribe(CDS, ['*']);
  client.subscribe(LDS, ['*']);
  client.connected();
  return {
    subscribe: (typeUrl, name) => client.subscribe(typeUrl, [name]),
    unsubscribe: (typeUrl, name) => client.unsubscribe(typeUrl, [name]),
    toClient() {
      const response = server.greeting() ?? server.next();
      if (response === undefined) return false;
      const message = decodeDeltaResponse(Buffer.concat(encodeDeltaResponse(response, compress)));
      if (client.hear(message)) {
        digests += message.resources.length;
        return true;
      }
      assert.ok(!nonces.has(response.nonce), 'a nonce is used once');
      nonces.add(response.nonce);
      groups += message.resources.filter(({ isCompressed }) => isCompressed).length;
      patches += message.resources.filter(({ isPatch }) => isPatch).length;
      const update = client.receive(message);
      for (const resource of update.added) if (resource.version !== BAD) contents.set(`${update.typeUrl} ${resource.name}`, resource);
      client.settle(update, rejectionsOf(update.added));
      return true;
    },
    toServer() {
      const requests = client.takeRequests();
      const answered = requests.map((request) => request.nonce).filter((nonce) => nonce !== '');
      assert.equal(new Set(answered).size, answered.length, 'each nonce is answered once');
      for (const request of requests) server.receive(decodeDeltaRequest(encodeDeltaRequest(request)));
      return requests.length > 0;
    },
    changed: (typeUrl, name) => server.changed(typeUrl, new Set([name])),
    reconnect() {
      client.disconnected();
      server = open();
      nonces.clear();
      client.connected();
    },
    stopHoldingBack() {
      const held = server.holdsBack;
      server.stopHoldingBack();
      return held;
    },
    versions: (typeUrl) => client.versions(typeUrl),
    subscribed: (typeUrl, name) => client.subscriptions(typeUrl).has('*') || client.subscriptions(typeUrl).has(name),
    syncedVersion: () => server.syncedVersion(),
    refused: () => server.statuses().some((status) => status.nacked !== undefined),
    get digests() {
      return digests;
    },
    get groups() {
      return groups;
    },
    get patches() {
      return patches;
    },
    content: (typeUrl, name) => contents.get(`${typeUrl} ${name}`)?.bytes,
  };
}

function rejectionsOf(resources: readonly Resource[]): readonly Rejection[] {
  return resources.filter(({ version }) => version === BAD).map(({ name }) => ({ name, message: 'is bad' }));
}

/** A state-of-the-world client as Envoy is one: full lists replace, others are merged, a refused response keeps its good parts. */
export function sotwHarness(source: TestSource): Harness {
  const open = () => createServerSession('sotw', { source });
  let server = open();
  const names = new Map<string, Set<string>>([
    [CDS, new Set()],
    [LDS, new Set()],
  ]);
  const has = new Map<string, Map<string, string>>();
  const nonces = new Map<string, string>();
  let queue: { typeUrl: string; names: readonly string[]; nonce: string; error?: { message: string } }[] = [];
  const say = (typeUrl: string, error?: { message: string }) =>
    queue.push({ typeUrl, names: [...(names.get(typeUrl) ?? [])], nonce: nonces.get(typeUrl) ?? '', ...(error === undefined ? {} : { error }) });
  const hasOf = (typeUrl: string) => has.get(typeUrl) ?? new Map<string, string>();
  const apply = ({ typeUrl, resources }: SotwResponse): string[] => {
    const whole = typeUrl === CDS || typeUrl === LDS;
    if (whole && source.all(typeUrl).size > 0) assert.ok(resources.length > 0, 'never an empty push');
    const before = hasOf(typeUrl);
    const next = whole ? new Map<string, string>() : new Map(before);
    const refused: string[] = [];
    for (const { name, version } of resources) {
      if (version === BAD) refused.push(name);
      const kept = version === BAD ? before.get(name) : version;
      if (kept !== undefined && (whole || names.get(typeUrl)?.has(name) === true)) next.set(name, kept);
    }
    has.set(typeUrl, next);
    return refused;
  };
  say(CDS);
  say(LDS);
  return {
    subscribe(typeUrl, name) {
      names.set(typeUrl, new Set([...(names.get(typeUrl) ?? []), name]));
      say(typeUrl);
    },
    unsubscribe(typeUrl, name) {
      if (names.get(typeUrl)?.delete(name) !== true) return;
      has.get(typeUrl)?.delete(name);
      say(typeUrl);
    },
    toClient() {
      const response = server.next();
      if (response === undefined) return false;
      assert.ok(encodeSotwResponse(response).length > 0);
      nonces.set(response.typeUrl, response.nonce);
      const refused = apply(response);
      say(response.typeUrl, refused.length === 0 ? undefined : { message: `${refused.join()} refused` });
      return true;
    },
    toServer() {
      const sent = queue;
      queue = [];
      for (const request of sent) server.receive(decodeSotwRequest(encodeSotwRequest({ version: '', ...request })));
      return sent.length > 0;
    },
    changed: (typeUrl, name) => server.changed(typeUrl, new Set([name])),
    reconnect() {
      server = open();
      nonces.clear();
      queue = [];
      for (const typeUrl of names.keys()) say(typeUrl);
    },
    stopHoldingBack() {
      const held = server.holdsBack;
      server.stopHoldingBack();
      return held;
    },
    versions: hasOf,
    subscribed: (typeUrl, name) => typeUrl === CDS || typeUrl === LDS || names.get(typeUrl)?.has(name) === true,
    syncedVersion: () => server.syncedVersion(),
    refused: () => server.statuses().some((status) => status.nacked !== undefined),
  };
}

