import { ProtoWriter, WireType } from '@meltemi/base';
import { isByName } from './types.ts';
import type { DeltaRequest, DeltaResponse } from './messages.ts';
import { expand, type Decompress } from './expand.ts';
import { applyPatch, PATCH_FEATURE } from './patch.ts';
import { concat, type Resource } from './resource.ts';
import { ZSTD_FEATURE } from './response-parts.ts';

/** A resource that was refused, and why: that text becomes the NACK. */
export interface Rejection {
  readonly name: string;
  readonly message: string;
}

/** One response to apply: all the good resources of it, whatever the others are. Settle it exactly once. */
export interface Update {
  readonly typeUrl: string;
  readonly nonce: string;
  readonly systemVersion: string;
  readonly added: readonly Resource[];
  readonly removed: readonly string[];
}

export interface DeltaClientOptions {
  /** The encoded `envoy.config.core.v3.Node`, sent with the first request of each stream. */
  readonly node: Uint8Array;
  /**
   * The content of a resource that was taken in and is kept, in this version. With it the client says that it takes patches (`PATCH_FEATURE`), and applies
   * them: updates have whole resources in any case.
   */
  readonly held?: (typeUrl: string, name: string, version: string) => Uint8Array | undefined;
  /** With it the client says that it takes compressed resources (`ZSTD_FEATURE`): updates have them as they were. */
  readonly decompress?: Decompress | undefined;
}

/**
 * The client's side of delta xDS as a state machine without I/O. The caller moves bytes: it hands responses in, takes requests out
 * after every call, and says when a stream is up or gone. Subscriptions and known versions outlive streams.
 */
export interface DeltaClient {
  /** Subscribes; '*' for all resources of the type. Known names are left alone. */
  subscribe(typeUrl: string, names: readonly string[]): void;
  /** The resources of the names count as removed at once; no update says so. */
  unsubscribe(typeUrl: string, names: readonly string[]): void;
  /** A stream is up: queues the first request of each type, with the versions already accepted. */
  connected(): void;
  /** The stream is gone. Updates that were not settled are forgotten by the wire. */
  disconnected(): void;
  /**
   * A response came in. Throws MeshError `protobuf/malformed` for a patch or a compressed group that cannot be read: nothing of the response counts, and the
   * caller opens another stream, on which nothing compressed is asked for if that was it.
   */
  receive(response: DeltaResponse): Update;
  /** The verdict on an update: ACK without rejections, else NACK. Later than a disconnect: ignored by the wire, but accepted versions are kept. */
  settle(update: Update, rejections: readonly Rejection[]): void;
  /** What is to be sent now, in order; empties the queue. Nothing while there is no stream. */
  takeRequests(): readonly DeltaRequest[];
  /** Accepted resources of a type: name to version. */
  versions(typeUrl: string): ReadonlyMap<string, string>;
  /** Names subscribed to, '*' among them. */
  subscriptions(typeUrl: string): ReadonlySet<string>;
}

interface Reply {
  readonly nonce: string;
  readonly message: string | undefined;
}

interface ClientType {
  readonly names: Set<string>;
  readonly versions: Map<string, string>;
  /** What the server of this stream believes to be subscribed. */
  readonly told: Set<string>;
  /** Not told to the server yet. */
  readonly subscribing: Set<string>;
  readonly unsubscribing: Set<string>;
  readonly replies: Reply[];
  /** The first request of this stream has been made. */
  introduced: boolean;
}

const WILDCARD = '*';
const INVALID_ARGUMENT = 3;

/** A client without subscriptions and without a stream. */
export function createDeltaClient(options: DeltaClientOptions): DeltaClient {
  return new Client(options);
}

/** The field `client_features` of a node: fields of one message may stand in any pieces. */
function withFeature(node: Uint8Array, feature: string): Uint8Array {
  return concat([node, new ProtoWriter().tag(10, WireType.bytes).string(feature).take()]);
}

class Client implements DeltaClient {
  readonly #node: Uint8Array;
  readonly #held: NonNullable<DeltaClientOptions['held']>;
  readonly #decompress: Decompress | undefined;
  readonly #types = new Map<string, ClientType>();
  /** The stream that an update came in on: a verdict for an older one is of no use to the server. */
  readonly #streams = new WeakMap<Update, number>();
  #stream = 0;
  #up = false;
  #takesCompressed: boolean;
  #nodeSent = false;

  constructor({ node, held, decompress }: DeltaClientOptions) {
    this.#decompress = decompress;
    this.#takesCompressed = decompress !== undefined;
    this.#node = held === undefined ? node : withFeature(node, PATCH_FEATURE);
    this.#held = held ?? (() => undefined);
  }

  subscribe(typeUrl: string, names: readonly string[]): void {
    const type = this.#typeOf(typeUrl);
    for (const name of names) {
      if (type.names.has(name)) continue;
      type.names.add(name);
      type.unsubscribing.delete(name);
      // Also when the server still counts it as subscribed: we have forgotten the resource, so it must be sent again.
      type.subscribing.add(name);
    }
  }

  unsubscribe(typeUrl: string, names: readonly string[]): void {
    const type = this.#typeOf(typeUrl);
    for (const name of names) {
      if (!type.names.delete(name)) continue;
      type.subscribing.delete(name);
      if (type.told.has(name)) type.unsubscribing.add(name);
      forget(type, name);
    }
  }

  connected(): void {
    this.#stream++;
    this.#up = true;
    this.#nodeSent = false;
    for (const type of this.#types.values()) {
      type.introduced = false;
      type.told.clear();
      type.replies.length = 0;
    }
  }

  disconnected(): void {
    this.#stream++;
    this.#up = false;
  }

  receive(response: DeltaResponse): Update {
    const type = this.#typeOf(response.typeUrl);
    const update: Update = {
      typeUrl: response.typeUrl,
      nonce: response.nonce,
      systemVersion: response.systemVersion,
      added: this.#expanded(response.resources)
        .filter(({ name }) => isWanted(type, name))
        .flatMap((resource) => this.#whole(type, response.typeUrl, resource)),
      removed: response.removed.filter((name) => isWanted(type, name)),
    };
    this.#streams.set(update, this.#stream);
    return update;
  }

  settle(update: Update, rejections: readonly Rejection[]): void {
    const type = this.#typeOf(update.typeUrl);
    const refused = new Set(rejections.map(({ name }) => name));
    for (const { name, version } of update.added) if (!refused.has(name) && isWanted(type, name)) type.versions.set(name, version);
    for (const name of update.removed) if (!refused.has(name)) type.versions.delete(name);
    if (!this.#up || this.#streams.get(update) !== this.#stream) return;
    this.#streams.delete(update);
    const message = rejections.length === 0 ? undefined : rejections.map((rejection) => `${rejection.name}: ${rejection.message}`).join('\n');
    type.replies.push({ nonce: update.nonce, message });
  }

  takeRequests(): readonly DeltaRequest[] {
    if (!this.#up) return [];
    return [...this.#types].flatMap(([typeUrl, type]) => requestsOf(typeUrl, type, (part) => this.#request(typeUrl, part)));
  }

  versions(typeUrl: string): ReadonlyMap<string, string> {
    return this.#types.get(typeUrl)?.versions ?? new Map<string, string>();
  }

  subscriptions(typeUrl: string): ReadonlySet<string> {
    return this.#types.get(typeUrl)?.names ?? new Set<string>();
  }

  /** Without the version that a patch is for, the resource is asked for anew: it comes as a whole then. */
  #whole(type: ClientType, typeUrl: string, resource: Resource): readonly Resource[] {
    if (resource.isPatch === undefined) return [resource];
    const { name, version } = resource;
    const bytes = applyPatch(resource.bytes, (base) => this.#held(typeUrl, name, base));
    if (bytes !== undefined) return [{ name, version, bytes }];
    type.subscribing.add(name);
    return [];
  }

  #expanded(resources: readonly Resource[]): readonly Resource[] {
    try {
      return expand(resources, this.#decompress);
    } catch (error) {
      this.#takesCompressed = false;
      throw error;
    }
  }

  #typeOf(typeUrl: string): ClientType {
    let type = this.#types.get(typeUrl);
    if (type === undefined) this.#types.set(typeUrl, (type = createClientType()));
    return type;
  }

  #request(typeUrl: string, part: Partial<DeltaRequest>): DeltaRequest {
    const node = this.#nodeSent ? {} : { node: this.#takesCompressed ? withFeature(this.#node, ZSTD_FEATURE) : this.#node };
    this.#nodeSent = true;
    return { typeUrl, subscribe: [], unsubscribe: [], initialVersions: new Map(), nonce: '', ...part, ...node };
  }
}

function createClientType(): ClientType {
  return {
    names: new Set(),
    versions: new Map(),
    told: new Set(),
    subscribing: new Set(),
    unsubscribing: new Set(),
    replies: [],
    introduced: false,
  };
}

function isWanted(type: ClientType, name: string): boolean {
  return type.names.has(WILDCARD) || type.names.has(name);
}

/** An unsubscribed resource is gone, unless '*' still brings it. */
function forget(type: ClientType, name: string): void {
  if (name !== WILDCARD) {
    if (!type.names.has(WILDCARD)) type.versions.delete(name);
    return;
  }
  for (const known of type.versions.keys()) if (!type.names.has(known)) type.versions.delete(known);
}

function requestsOf(typeUrl: string, type: ClientType, request: (part: Partial<DeltaRequest>) => DeltaRequest): readonly DeltaRequest[] {
  const requests: DeltaRequest[] = [];
  if (!type.introduced) {
    if (type.names.size === 0) return [];
    type.introduced = true;
    // A first request without names is the wildcard that every server knows; the explicit one is younger.
    const legacy = type.names.size === 1 && type.names.has(WILDCARD) && !isByName(typeUrl);
    requests.push(request({ subscribe: legacy ? [] : [...type.names], initialVersions: new Map(type.versions) }));
  } else if (type.subscribing.size > 0 || type.unsubscribing.size > 0) {
    requests.push(request({ subscribe: [...type.subscribing], unsubscribe: [...type.unsubscribing] }));
  }
  type.told.clear();
  for (const name of type.names) type.told.add(name);
  type.subscribing.clear();
  type.unsubscribing.clear();
  for (const { nonce, message } of type.replies.splice(0)) {
    requests.push(request(message === undefined ? { nonce } : { nonce, error: { code: INVALID_ARGUMENT, message } }));
  }
  return requests;
}
