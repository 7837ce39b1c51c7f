import { TYPE_URL } from '@meltemi/protos-types';
import type { Resource, ResourceSource } from '../resource.ts';

export interface TestSource extends ResourceSource {
  set(typeUrl: string, name: string, content: string | undefined): void;
  all(typeUrl: string): Map<string, Resource>;
}

/** A source that tests write into. */
export function createSource(): TestSource {
  const types = new Map<string, Map<string, Resource>>();
  let version: number | undefined;
  const all = (typeUrl: string): Map<string, Resource> => types.get(typeUrl) ?? new Map<string, Resource>();
  return {
    get version() {
      return version;
    },
    all,
    set(typeUrl, name, content) {
      version = (version ?? 0) + 1;
      const next = new Map(all(typeUrl));
      if (content === undefined) next.delete(name);
      else next.set(name, { name, version: content, bytes: new TextEncoder().encode(content), ...(typeUrl === TYPE_URL.cluster ? { endpointName: name } : {}) });
      types.set(typeUrl, next);
    },
    resources: (typeUrl, names) => (names === '*' ? all(typeUrl) : new Map([...all(typeUrl)].filter(([name]) => names.has(name)))),
  };
}

