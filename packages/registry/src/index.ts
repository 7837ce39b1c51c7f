export { createDirectoryStore, type DirectoryStore, type DirectoryStoreOptions } from './directory/directory-store.ts';
export { createMemoryStore, type MemoryStoreOptions } from './memory/memory-store.ts';
export { createStateStore, type StateStoreOptions } from './state/state-store.ts';
export { createAggregateStore } from './store/aggregate-store.ts';
export type { ConfigChange, ConfigStore, PutResult, WritableConfigStore } from './store/config-store.ts';
export { createVersionSource, type VersionSource } from './store/config-table.ts';
