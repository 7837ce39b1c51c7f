import { MeshError } from '@meltemi/base';
import { messageName, type AnyMessages, type JsonObject } from '@meltemi/protos-types';
import { decodeMessage } from './decode.ts';
import { encodeMessage } from './encode.ts';
import { buildSchema } from './schema.ts';
import { schemaFileName, schemaText, storedSchema } from './schema-store.ts';

/** `sidecar`: what the embedded sidecar and the agent understand. `all`: every Envoy v3 message that is shipped, for the control plane. */
export type Profile = 'sidecar' | 'all';

export interface CodecOptions {
  /** The folder that holds `envoy-api/`, `xds/`, `googleapis/`, `protoc-gen-validate/`; default: what `@grpc/grpc-js-xds` ships. */
  readonly envoyProtoDirectory?: string;
  /** The folder of our own protos; default: `proto/` of this package. */
  readonly ownProtoDirectory?: string;
  /** Where the parsed schema is kept between starts; `false` for nowhere. Default: `meltemi` in the user's cache folder. */
  readonly cacheDirectory?: string | false;
}

/**
 * Protobuf to and from ProtoJSON with proto field names. A type is named by its full name (`envoy.config.cluster.v3.Cluster`) or its
 * type URL. Immutable after loading; safe to share.
 */
export interface ProtoCodec {
  /** Whether a message type of that name is loaded. */
  has(type: string): boolean;
  /** Throws MeshError `protos/encode` that lists every fault with its path: unknown field, wrong type, unknown enum name, two members of a oneof. */
  encode(type: string, json: object): Uint8Array;
  /**
   * Throws MeshError `protos/decode` that lists every fault with its path. Unknown fields are skipped (protobuf's rule for newer peers); `onUnknown` is told
   * where they stand, with their numbers.
   * A nested Any of a type that is not loaded stays `{ '@type', value: base64 }`. Members with default values are absent.
   */
  decode<T extends keyof AnyMessages>(type: T, bytes: Uint8Array, onUnknown?: (field: string) => void): AnyMessages[T];
  decode(type: string, bytes: Uint8Array, onUnknown?: (field: string) => void): JsonObject;
}

/**
 * Loads the message definitions of a profile. Throws MeshError `protos/load` when a file is missing or unreadable. Costs a few
 * milliseconds from the cache, 100 to 250 ms from the .proto files.
 */
export function loadCodec(profile: Profile, options: CodecOptions = {}): ProtoCodec {
  const schema = buildSchema(storedSchema(profile, options));
  const find = (type: string) => {
    const message = schema.message(messageName(type));
    if (message === undefined) throw new MeshError('protos/unknown-type', `Message type ${type} is not loaded (profile ${profile})`);
    return message;
  };
  return {
    has: (type) => schema.message(messageName(type)) !== undefined,
    encode: (type, json) => encodeMessage(schema, find(type), json),
    decode: (type: string, bytes: Uint8Array, onUnknown?: (field: string) => void) => decodeMessage(schema, find(type), bytes, onUnknown) as never,
  };
}

/**
 * What `npm run pack` puts beside the bundled code (`dist/<fileName>`), so that an installed package needs neither .proto files nor a
 * parser: the file name and its text.
 */
export function bundledSchema(profile: Profile): { readonly fileName: string; readonly text: string } {
  return { fileName: schemaFileName(profile), text: schemaText(storedSchema(profile, { cacheDirectory: false })) };
}
