import { hashBytes } from '@meltemi/base';
import type { ProtoCodec } from '@meltemi/protos';
import { messageName } from '@meltemi/protos-types';
import type { Resource } from '@meltemi/xds';
import type { GeneratedResource } from './generator.ts';

/** Encodes what the generator made: each object once, whoever asks for it. */
export interface ResourceCache {
  /** The same Map for the same Map. */
  encode(typeUrl: string, generated: ReadonlyMap<string, GeneratedResource>): ReadonlyMap<string, Resource>;
}

export function createResourceCache(codec: ProtoCodec, onFault: (typeUrl: string, name: string, error: unknown) => void): ResourceCache {
  const maps = new WeakMap<ReadonlyMap<string, GeneratedResource>, ReadonlyMap<string, Resource>>();
  const resources = new WeakMap<object, Map<string, Resource>>();

  function encodeOne(typeUrl: string, name: string, generated: GeneratedResource): Resource | undefined {
    let byName = resources.get(generated.json);
    if (byName === undefined) resources.set(generated.json, (byName = new Map()));
    const known = byName.get(name);
    if (known !== undefined) return known;
    try {
      const bytes = codec.encode(messageName(typeUrl), generated.json);
      const made: Resource = {
        name,
        version: generated.key ?? hashBytes(bytes),
        bytes,
        ...(generated.endpointName === undefined ? {} : { endpointName: generated.endpointName }),
      };
      byName.set(name, made);
      return made;
    } catch (error) {
      // A resource that cannot be encoded is our own mistake: it is held back and told, all others go on.
      onFault(typeUrl, name, error);
      return undefined;
    }
  }

  return {
    encode(typeUrl, generated) {
      const known = maps.get(generated);
      if (known !== undefined) return known;
      const made = new Map<string, Resource>();
      for (const [name, resource] of generated) {
        const encoded = encodeOne(typeUrl, name, resource);
        if (encoded !== undefined) made.set(name, encoded);
      }
      maps.set(generated, made);
      return made;
    },
  };
}
