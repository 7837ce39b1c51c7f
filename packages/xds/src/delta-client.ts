import { MeshError, ProtoWriter, WireType } from '@meltemi/base';
import { createClientType, forget, isDigested, isWanted, requestsOf, saidOf, type ClientType } from './client-type.ts';
import type { DeltaRequest, DeltaResponse } from './messages.ts';
import { DIGEST_FEATURE, DIGEST_TYPE_URL, digestOf, readUnequal, type Unequal } from './digest.ts';
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
  /**
   * On a later stream to a server that can read digests (`DIGEST_FEATURE`), the client says what it has of types with at least so many resources as
   * digests. Absent: never.
   */
  readonly minDigested?: number;
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
  /**
   * Takes in what is meant for the client alone: then there may be requests to send, and the answer is true. All else is for `receive`. Throws MeshError
   * `protobuf/malformed` for what cannot be read: the caller opens another stream, on which all is said by name.
   */
  hear(response: DeltaResponse): boolean;
  /** The first request was one of digests, and nothing else is said until they are answered; a server of somebody else's may never do so. */
  readonly awaitsAnswer: boolean;
  /** The verdict on an update: ACK without rejections, else NACK. Later than a disconnect: ignored by the wire, but accepted versions are kept. */
  settle(update: Update, rejections: readonly Rejection[]): void;
  /** What is to be sent now, in order; empties the queue. Nothing while there is no stream. */
  takeRequests(): readonly DeltaRequest[];
  /** Accepted resources of a type: name to version. */
  versions(typeUrl: string): ReadonlyMap<string, string>;
  /** Names subscribed to, '*' among them. */
  subscriptions(typeUrl: string): ReadonlySet<string>;
}

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
  readonly #minDigested: number | undefined;
  /** The server of the last stream has said that it reads digests. */
  #greeted = false;
  /** Digests were sent, or answered; undefined: none were. */
  #digests: { answer: ReadonlyMap<string, Unequal> | undefined } | undefined;

  constructor({ node, held, decompress, minDigested }: DeltaClientOptions) {
    this.#decompress = decompress;
    this.#takesCompressed = decompress !== undefined;
    this.#minDigested = minDigested;
    const introduced = held === undefined ? node : withFeature(node, PATCH_FEATURE);
    this.#node = minDigested === undefined ? introduced : withFeature(introduced, DIGEST_FEATURE);
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
      type.digested = undefined;
      type.told.clear();
      type.replies.length = 0;
    }
    // Whoever left digests without an answer is not asked again.
    const mayDigest = this.#greeted && !this.awaitsAnswer;
    this.#greeted = false;
    this.#digests = mayDigest && this.#digest() ? { answer: undefined } : undefined;
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

  get awaitsAnswer(): boolean {
    return this.#digests !== undefined && this.#digests.answer === undefined;
  }

  hear({ typeUrl, nonce, resources }: DeltaResponse): boolean {
    if (typeUrl !== DIGEST_TYPE_URL) return false;
    // One that takes this for a type like others answers with a nonce, and has read nothing.
    this.#greeted = nonce === '';
    if (nonce !== '') this.#acknowledge(typeUrl, nonce);
    if (this.#digests === undefined || this.#digests.answer !== undefined) return true;
    this.#digests.answer = new Map(resources.map(({ name, version }) => [name, readAnswer(version)]));
    return true;
  }

  takeRequests(): readonly DeltaRequest[] {
    if (!this.#up) return [];
    if (this.#digests !== undefined && this.#digests.answer === undefined) return this.#digestRequest();
    return [...this.#types].flatMap(([typeUrl, type]) =>
      requestsOf(typeUrl, type, this.#digests?.answer?.get(typeUrl), (part) => this.#request(typeUrl, part)),
    );
  }

  /** Takes note of the types that are said as digests; false when there are none. */
  #digest(): boolean {
    for (const [typeUrl, type] of this.#types) {
      if (this.#minDigested === undefined || type.versions.size < this.#minDigested || !isDigested(typeUrl, type.names)) continue;
      type.digested = { names: new Set(type.names), versions: new Map(type.versions) };
      // What is asked for from now on goes beside that.
      type.introduced = true;
      for (const name of type.names) type.told.add(name);
      type.subscribing.clear();
      type.unsubscribing.clear();
    }
    return [...this.#types.values()].some(({ digested }) => digested !== undefined);
  }

  /** Once: what follows waits for the answer. */
  #digestRequest(): readonly DeltaRequest[] {
    if (this.#nodeSent) return [];
    const digests = [...this.#types].flatMap(([typeUrl, { digested }]) =>
      digested === undefined ? [] : [[typeUrl, digestOf(saidOf(digested))] as const],
    );
    return [this.#request(DIGEST_TYPE_URL, { initialVersions: new Map(digests) })];
  }

  versions(typeUrl: string): ReadonlyMap<string, string> {
    return this.#types.get(typeUrl)?.versions ?? new Map<string, string>();
  }

  subscriptions(typeUrl: string): ReadonlySet<string> {
    return this.#types.get(typeUrl)?.names ?? new Set<string>();
  }

  #acknowledge(typeUrl: string, nonce: string): void {
    const type = this.#typeOf(typeUrl);
    type.introduced = true;
    type.replies.push({ nonce, message: undefined });
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

function readAnswer(text: string): Unequal {
  const unequal = readUnequal(text);
  if (unequal === undefined) throw new MeshError('protobuf/malformed', 'the answer to a digest does not say what is unequal');
  return unequal;
}
