import { zstdDecompressSync } from 'node:zlib';
import { ProtoReader, WireType } from '@meltemi/base';
import { TYPE_URL } from '@meltemi/protos-types';
import { decodeDeltaResponse, DIGEST_TYPE_URL, digestOf, expand, readUnequal } from '@meltemi/xds';
import { encodeRequest, openLightClient, type LightClient, type SeenResponse } from './light-ads-client.ts';

/** What one proxy presents. */
export interface FleetNode {
  /** Nodes of one scope get the same names; the first of each reads them for the others. */
  readonly scope: string;
  readonly node: Uint8Array;
  readonly tls: { readonly ca: string; readonly cert: string; readonly key: string };
}

/** Many light clients with what they got. */
export interface Fleet {
  /** All connect at once; resolves when each has clusters, endpoints, listeners, routes and names. */
  connect(port: number): Promise<void>;
  /** All connect at once with the versions that they know; resolves when each has a response of the type. */
  reconnect(port: number, typeUrl: string): Promise<void>;
  /** Resolves when so many clients have got a response of the type from now on. */
  next(typeUrl: string, count: number): Promise<void>;
  /** Bytes of responses so far, by type. */
  bytes(): Readonly<Record<string, number>>;
  /** Streams that were lost and opened anew so far. */
  lost(): number;
  disconnect(): void;
}

const { cluster: CDS, endpoint: EDS, listener: LDS, route: RDS, nameTable: NDS } = TYPE_URL;
const EXPECTED = [CDS, EDS, LDS, RDS, NDS];
/** Before a lost stream is opened anew. */
const RETRY_MS = 200;
const WILDCARD = [CDS, LDS, NDS];

/** What all clients of a scope ask for, encoded once. */
interface Template {
  readonly versions: Map<string, Map<string, string>>;
  /** Names of endpoints and routes. */
  readonly asked: Map<string, readonly string[]>;
  readonly waiting: ((template: Template) => void)[];
}

/** `saysDigests`: those that come back say what they have as agents do, as digests first. */
export function createFleet(nodes: readonly FleetNode[], routes: readonly string[], saysDigests: boolean): Fleet {
  const templates = new Map<string, Template>();
  const bytes: Record<string, number> = {};
  let clients: LightClient[] = [];
  let lost = 0;
  let listener: (index: number, typeUrl: string) => void = () => undefined;
  const tally = (response: SeenResponse): void => {
    bytes[response.typeUrl] = (bytes[response.typeUrl] ?? 0) + response.bytes;
  };

  /** Resolves when every client has got a response of each type. */
  const all = (types: readonly string[], count: number): Promise<void> =>
    new Promise((resolve) => {
      const missing = nodes.map(() => new Set(types));
      let done = 0;
      listener = (index, typeUrl) => {
        if (missing[index]?.delete(typeUrl) !== true || missing[index].size > 0) return;
        if (++done === count) resolve();
      };
    });

  interface Hooks {
    readonly keeps: boolean;
    /** Says what the client asks for, on a new stream. */
    readonly begin: (client: LightClient) => void;
    readonly seen: (client: LightClient, response: SeenResponse) => void;
  }

  /** A stream that is lost is opened anew, as agents do. */
  const open = (port: number, index: number, hooks: Hooks): void => {
    const { node, tls } = nodes[index] as FleetNode;
    const client = openLightClient({
      port,
      tls,
      node,
      keepsMessages: hooks.keeps,
      onResponse(response) {
        tally(response);
        hooks.seen(client, response);
        listener(index, response.typeUrl);
      },
      onClose() {
        lost++;
        setTimeout(() => clients[index] === client && open(port, index, hooks), RETRY_MS);
      },
    });
    clients[index] = client;
    hooks.begin(client);
  };

  const ask = (client: LightClient, template: Template): void => {
    for (const typeUrl of [EDS, RDS]) client.send({ typeUrl, subscribe: template.asked.get(typeUrl) ?? [] });
  };

  return {
    async connect(port) {
      const complete = all(EXPECTED, nodes.length);
      for (const [index, node] of nodes.entries()) {
        let template = templates.get(node.scope);
        const reads = template === undefined;
        template ??= { versions: new Map(), asked: new Map([[RDS, routes]]), waiting: [] };
        templates.set(node.scope, template);
        const known = template;
        open(port, index, {
          keeps: reads,
          begin(client) {
            for (const typeUrl of WILDCARD) client.send({ typeUrl });
          },
          seen(client, response) {
            if (reads) learn(known, response);
            if (response.typeUrl !== CDS || asked.has(client)) return;
            asked.add(client);
            if (known.asked.has(EDS)) ask(client, known);
            else known.waiting.push(() => ask(client, known));
          },
        });
      }
      await complete;
    },
    async reconnect(port, typeUrl) {
      const complete = all([typeUrl], nodes.length);
      const requests = new Map([...templates].map(([scope, template]) => [scope, saysDigests ? [digestRequest(template)] : known(template)]));
      for (const [index, node] of nodes.entries()) {
        open(port, index, {
          keeps: saysDigests,
          begin(client) {
            const [first, ...rest] = requests.get(node.scope) ?? [];
            if (first !== undefined) client.send(first);
            for (const request of rest) client.sendBytes(encodedOf(request));
          },
          seen(client, { typeUrl: type, message }) {
            if (type !== DIGEST_TYPE_URL) return;
            const template = templates.get(node.scope);
            if (template !== undefined && message !== undefined) for (const request of unequalOf(template, message)) client.sendBytes(request);
          },
        });
      }
      await complete;
    },
    lost: () => lost,
    next: (typeUrl, count) => all([typeUrl], count),
    bytes: () => ({ ...bytes }),
    disconnect() {
      for (const client of clients) client.close();
      clients = [];
    },
  };
}

const asked = new WeakSet<LightClient>();
type Request = Parameters<typeof encodeRequest>[0];
const encoded = new WeakMap<Request, Uint8Array>();

function encodedOf(request: Request): Uint8Array {
  let bytes = encoded.get(request);
  if (bytes === undefined) encoded.set(request, (bytes = encodeRequest(request)));
  return bytes;
}

/** The first requests of a client that has everything. */
function known({ versions, asked: names }: Template): readonly Request[] {
  return EXPECTED.map((typeUrl) => ({
    typeUrl,
    subscribe: names.get(typeUrl) ?? [],
    initialVersions: versions.get(typeUrl) ?? new Map<string, string>(),
  }));
}

const DIGESTED = [CDS, EDS];

function digestRequest({ versions }: Template): Request {
  const initialVersions = new Map(DIGESTED.map((typeUrl) => [typeUrl, digestOf(versions.get(typeUrl) ?? [])]));
  return { typeUrl: DIGEST_TYPE_URL, initialVersions };
}

const answers = new WeakMap<Template, Map<string, readonly Uint8Array[]>>();

/** What follows an answer; the same for all of a scope that got the same one. */
function unequalOf(template: Template, message: Uint8Array): readonly Uint8Array[] {
  const answer = new Map(decodeDeltaResponse(message).resources.map(({ name, version }) => [name, version]));
  const made = answers.get(template) ?? new Map<string, readonly Uint8Array[]>();
  answers.set(template, made);
  const key = JSON.stringify([...answer]);
  let requests = made.get(key);
  if (requests === undefined) {
    requests = known(template).map((request) => {
      const unequal = readUnequal(answer.get(request.typeUrl) ?? '');
      if (unequal === undefined) return encodeRequest(request);
      const initialVersions = new Map([...(request.initialVersions ?? [])].filter(([name]) => unequal.has(name)));
      return encodeRequest({ ...request, subscribe: request.subscribe?.filter((name) => unequal.has(name)) ?? [], initialVersions });
    });
    made.set(key, requests);
  }
  return requests;
}

function learn(template: Template, response: SeenResponse): void {
  const { message, typeUrl } = response;
  if (message === undefined) return;
  let versions = template.versions.get(typeUrl);
  if (versions === undefined) template.versions.set(typeUrl, (versions = new Map()));
  const resources = expand(decodeDeltaResponse(message).resources, (frame, maxOutputLength) => zstdDecompressSync(frame, { maxOutputLength }));
  for (const { name, version } of resources) versions.set(name, version);
  if (typeUrl !== CDS || template.asked.has(EDS)) return;
  template.asked.set(
    EDS,
    resources.filter(({ bytes }) => isEds(bytes)).map(({ name }) => name),
  );
  for (const run of template.waiting.splice(0)) run(template);
}

/** Field 2 of a Cluster is its type; EDS is 3. */
function isEds(cluster: Uint8Array): boolean {
  const reader = new ProtoReader(cluster);
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === ((2 << 3) | WireType.varint)) return reader.int32() === 3;
    reader.skip(tag);
  }
  return false;
}
