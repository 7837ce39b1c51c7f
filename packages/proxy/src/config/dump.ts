import type { ReadResource } from './resources.ts';

/** One resource in the admin's dump. `error` is the last refusal, with the refused resource; what was good before stays in `json`. */
export interface DumpEntry {
  readonly name: string;
  readonly version: string;
  readonly json: object;
  readonly updatedMs: number;
  readonly error?: { readonly message: string; readonly version: string; readonly json: object; readonly atMs: number };
}

/** What was received, by type URL: for people and tools that look inside, off the request path. */
export interface ConfigDump {
  record(typeUrl: string, read: ReadResource, nowMs: number): void;
  remove(typeUrl: string, names: readonly string[]): void;
  entries(typeUrl: string): readonly DumpEntry[];
}

export function createConfigDump(): ConfigDump {
  const types = new Map<string, Map<string, DumpEntry>>();
  const typeOf = (typeUrl: string): Map<string, DumpEntry> => {
    let entries = types.get(typeUrl);
    if (entries === undefined) types.set(typeUrl, (entries = new Map()));
    return entries;
  };
  return {
    record(typeUrl, { name, version, json, result }, nowMs) {
      const entries = typeOf(typeUrl);
      if (result.t === 'good') {
        entries.set(name, { name, version, json, updatedMs: nowMs });
        return;
      }
      const before = entries.get(name) ?? { name, version: '', json: {}, updatedMs: nowMs };
      entries.set(name, { ...before, error: { message: result.message, version, json, atMs: nowMs } });
    },
    remove(typeUrl, names) {
      const entries = typeOf(typeUrl);
      for (const name of names) entries.delete(name);
    },
    entries: (typeUrl) => [...typeOf(typeUrl).values()].sort((a, b) => (a.name < b.name ? -1 : 1)),
  };
}
