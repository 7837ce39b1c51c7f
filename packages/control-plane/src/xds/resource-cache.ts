import { LayeredMap } from '@meltemi/base';
import type { ProtoCodec } from '@meltemi/protos';
import { createSharedResource, type Resource } from '@meltemi/xds';
import { createResourceEncoder } from './encode-resource.ts';
import type { GeneratedResource } from './generator.ts';

/** Encodes what the generator made: each object once, whoever asks for it. */
export interface ResourceCache {
  /** The same Map for the same Map. */
  encode(typeUrl: string, generated: ReadonlyMap<string, GeneratedResource>): ReadonlyMap<string, Resource>;
}

export function createResourceCache(codec: ProtoCodec, onFault: (typeUrl: string, name: string, error: unknown) => void): ResourceCache {
  const maps = new WeakMap<ReadonlyMap<string, GeneratedResource>, ReadonlyMap<string, Resource>>();
  const resources = new WeakMap<object, Resource>();
  const encoder = createResourceEncoder(codec);

  function encodeOne(typeUrl: string, name: string, generated: GeneratedResource): Resource | undefined {
    const known = resources.get(generated.json);
    // One object under two names (a gRPC client's) is encoded for each.
    if (known?.name === name) return known;
    try {
      const made = createSharedResource(typeUrl, { name, ...encoder(typeUrl, generated.json) }, generated.endpointName);
      resources.set(generated.json, made);
      return made;
    } catch (error) {
      // A resource that cannot be encoded is our own mistake: it is held back and told, all others go on.
      onFault(typeUrl, name, error);
      return undefined;
    }
  }

  function encodeAll(typeUrl: string, generated: ReadonlyMap<string, GeneratedResource>): ReadonlyMap<string, Resource> {
    if (generated instanceof LayeredMap) return new LayeredMap(encode(typeUrl, generated.below), encode(typeUrl, generated.above));
    const made = new Map<string, Resource>();
    for (const [name, resource] of generated) {
      const encoded = encodeOne(typeUrl, name, resource);
      if (encoded !== undefined) made.set(name, encoded);
    }
    return made;
  }

  function encode(typeUrl: string, generated: ReadonlyMap<string, GeneratedResource>): ReadonlyMap<string, Resource> {
    let made = maps.get(generated);
    if (made === undefined) maps.set(generated, (made = encodeAll(typeUrl, generated)));
    return made;
  }

  return { encode };
}
