import type { Config } from '@meltemi/api';
import type { ConfigChange, ConfigStore } from '@meltemi/registry';

const MAX_ENTRIES = 2000;

/** A change with the revision after it. */
export interface LoggedChange {
  readonly revision: number;
  readonly change: ConfigChange;
}

/** The recent changes of a store, so that a watch can go on where it broke off. */
export interface ChangeLog {
  /** Revision of the newest change. */
  revision(): number;
  /** The changes after a revision; undefined when they are not all here any more (410 Expired). */
  since(revision: number): readonly LoggedChange[] | undefined;
  subscribe(listener: (change: LoggedChange) => void): () => void;
  close(): void;
}

/** Follows a store. A revision is the highest `resourceVersion` seen; a deletion has none of its own and keeps the one before it. */
export function createChangeLog(store: ConfigStore): ChangeLog {
  const entries: LoggedChange[] = [];
  const listeners = new Set<(change: LoggedChange) => void>();
  let newest = store.list().reduce((highest, config) => Math.max(highest, revisionOf(config)), 1);
  let oldest = newest;
  const unwatch = store.watch((changes) => {
    for (const change of changes) {
      newest = change.t === 'deleted' ? newest : Math.max(newest, revisionOf(change.config));
      const entry = { revision: newest, change };
      entries.push(entry);
      if (entries.length > MAX_ENTRIES) oldest = entries.shift()?.revision ?? oldest;
      for (const listener of listeners) listener(entry);
    }
  });
  return {
    revision: () => newest,
    // Newer than everything known: a revision of another life of this control plane.
    since: (revision) =>
      !(revision >= oldest && revision <= newest)
        ? undefined
        : entries.filter((entry) => entry.revision > revision || (entry.revision === revision && !isOwn(entry))),
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close() {
      unwatch();
      listeners.clear();
    },
  };
}

/**
 * Whether the revision is the change's own. A deletion, and a change that one store got later than its number, share that of the change
 * before them, which may be all that the client has seen: they are told again.
 */
function isOwn({ revision, change }: LoggedChange): boolean {
  return change.t !== 'deleted' && revisionOf(change.config) === revision;
}

function revisionOf(config: Config): number {
  const revision = Number(config.meta.resourceVersion);
  return Number.isFinite(revision) ? revision : 0;
}
