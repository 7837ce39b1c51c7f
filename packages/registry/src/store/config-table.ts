import { randomUUID } from 'node:crypto';
import { configKey, durationMs, EXPIRES_ANNOTATION, mayExpire, TTL_ANNOTATION, type Config } from '@meltemi/api';
import type { Clock, ObjectRef } from '@meltemi/base';
import type { ConfigChange } from './config-store.ts';

/** Resource versions: decimal numbers that rise over all stores that share one, also across restarts. */
export interface VersionSource {
  next(): string;
}

/** Versions that begin at the time of day, so that those of a restarted process are higher. */
export function createVersionSource(clock: Clock): VersionSource {
  let last = 0;
  return {
    next() {
      last = Math.max(last + 1, clock.now());
      return String(last);
    },
  };
}

/** The objects of one source, with server-made metadata, and who watches them. */
export interface ConfigTable {
  readonly get: (ref: ObjectRef) => Config | undefined;
  readonly list: (kind?: string) => readonly Config[];
  /** What storing the object would mean, without doing it. An object that did not change is given back as it is. */
  prepare(config: Config, createdAt?: string): { readonly t: 'created' | 'configured' | 'moved' | 'unchanged'; readonly config: Config };
  /** Takes prepared objects in, and others out, as one change. */
  commit(upserts: readonly Config[], deletes: readonly ObjectRef[]): void;
  readonly watch: (listener: (changes: readonly ConfigChange[]) => void) => () => void;
}

/** The reference of an object. */
export function refOf(config: Config): ObjectRef {
  return { kind: config.kind, namespace: config.meta.namespace, name: config.meta.name };
}

/** The key of a reference; equal to `configKey` of its object. */
export function refKey(ref: ObjectRef): string {
  return `${ref.kind}/${ref.namespace}/${ref.name}`;
}

/** An empty table. */
export function createConfigTable(clock: Clock, versions: VersionSource): ConfigTable {
  const objects = new Map<string, Config>();
  const listeners = new Set<(changes: readonly ConfigChange[]) => void>();
  return {
    get: (ref) => objects.get(refKey(ref)),
    list: (kind) => (kind === undefined ? [...objects.values()] : [...objects.values()].filter((config) => config.kind === kind)),
    prepare(config, createdAt) {
      const before = objects.get(configKey(config));
      if (before === undefined)
        return { t: 'created', config: ending(stamp(config, undefined, createdAt ?? timestamp(clock.now()), versions), false, clock) };
      if (contentOf(before) === contentOf(config)) {
        if (sameOrigin(before, config)) return { t: 'unchanged', config: before };
        return { t: 'moved', config: { ...before, origin: config.origin } };
      }
      return { t: 'configured', config: ending(stamp(config, before, '', versions), true, clock) };
    },
    commit(upserts, deletes) {
      const changes: ConfigChange[] = [];
      for (const ref of deletes) {
        const before = objects.get(refKey(ref));
        if (before === undefined) continue;
        objects.delete(refKey(ref));
        changes.push({ t: 'deleted', config: before });
      }
      for (const config of upserts) {
        const before = objects.get(configKey(config));
        if (before === config) continue;
        objects.set(configKey(config), config);
        changes.push(before === undefined ? { t: 'added', config } : { t: 'modified', config, before });
      }
      if (changes.length > 0) for (const listener of listeners) listener(changes);
    },
    watch(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** RFC 3339 in whole seconds, as Kubernetes writes it. */
function timestamp(nowMs: number): string {
  return new Date(nowMs).toISOString().replace(/\.\d+Z$/, 'Z');
}

function stamp(config: Config, before: Config | undefined, createdAt: string, versions: VersionSource): Config {
  const changedSpec = before === undefined || JSON.stringify(before.spec) !== JSON.stringify(config.spec);
  return {
    ...config,
    meta: {
      ...config.meta,
      uid: before?.meta.uid ?? config.meta.uid ?? randomUUID(),
      resourceVersion: versions.next(),
      generation: (before?.meta.generation ?? 0) + (changedSpec ? 1 : 0),
      creationTimestamp: before?.meta.creationTimestamp ?? createdAt,
    },
  };
}

/** An object with a life of its own ends that long after it was changed; what was stored with an end keeps that. */
function ending(config: Config, changed: boolean, clock: Clock): Config {
  const { annotations } = config.meta;
  const ttlMs = durationMs(annotations[TTL_ANNOTATION] ?? '');
  if (ttlMs === undefined || !mayExpire(config.kind) || (!changed && annotations[EXPIRES_ANNOTATION] !== undefined)) return config;
  // Rounded up: whole seconds are written.
  const expires = timestamp(Math.ceil((clock.now() + ttlMs) / 1000) * 1000);
  return { ...config, meta: { ...config.meta, annotations: { ...annotations, [EXPIRES_ANNOTATION]: expires } } };
}

/** What the user decides about an object; what a server adds is not part of it. */
function contentOf(config: Config): string {
  const { labels, finalizers, ownerReferences } = config.meta;
  const { [EXPIRES_ANNOTATION]: expires, ...others } = config.meta.annotations;
  const annotations = expires === undefined || others[TTL_ANNOTATION] !== undefined ? others : config.meta.annotations;
  return JSON.stringify([config.apiVersion, sorted(labels), sorted(annotations), finalizers, ownerReferences, config.spec, config.status]);
}

function sorted(record: Readonly<Record<string, string>>): readonly (readonly [string, string])[] {
  return Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1));
}

function sameOrigin(a: Config, b: Config): boolean {
  return JSON.stringify(a.origin) === JSON.stringify(b.origin);
}
