import type { Config, Place } from '@meltemi/api';
import type { ObjectRef, Problem } from '@meltemi/base';

/** One object came, changed or went. `config` is the new form, or the last one for `deleted`. */
export interface ConfigChange {
  readonly t: 'added' | 'modified' | 'deleted';
  readonly config: Config;
  /** The form before, for `modified`. */
  readonly before?: Config;
}

/**
 * A source of configuration objects: valid ones only, each with `uid`, `resourceVersion`, `generation` and `creationTimestamp`. A changed
 * object is a new object; one that did not change keeps its identity.
 */
export interface ConfigStore {
  get(ref: ObjectRef): Config | undefined;
  /** All objects, or those of a kind; in no particular order. */
  list(kind?: string): readonly Config[];
  /** Called after each change, with everything that belongs together, until the returned function is called. */
  watch(listener: (changes: readonly ConfigChange[]) => void): () => void;
  /** What is wrong with its sources at the moment (held-back objects, files that cannot be read). */
  problems(): readonly Problem[];
  /** Line and column of a path inside an object, when its text is at hand. */
  place?(ref: ObjectRef, path: string): Place | undefined;
  /** Called whenever `problems()` became different. */
  watchProblems(listener: () => void): () => void;
  close(): Promise<void>;
}

/** What `put` did: the stored object, and how it differs from what was there. */
export interface PutResult {
  readonly t: 'created' | 'configured' | 'unchanged';
  readonly config: Config;
}

/** Conditions of a write. */
export interface WriteOptions {
  /** The stored object must have this version. */
  readonly expectResourceVersion?: string;
  /** There must be no such object yet. */
  readonly expectAbsent?: boolean;
  /** Everything but the write: what would be refused is refused. */
  readonly dryRun?: boolean;
}

/** A store that objects are applied to. Operations take effect, and are told to watchers, before their promise resolves. */
export interface WritableConfigStore extends ConfigStore {
  /**
   * Creates or replaces. Server-made metadata of the given object is ignored. Throws MeshError `config/conflict` or `config/exists` when what was
   * expected is not so, `config/read-only` when the object belongs to a source that cannot be written.
   */
  put(config: Config, options?: WriteOptions): Promise<PutResult>;
  /** Removes; false when there is no such object. Throws as `put` does. */
  delete(ref: ObjectRef, options?: Pick<WriteOptions, 'dryRun'>): Promise<boolean>;
}
