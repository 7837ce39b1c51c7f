export type { ConfigChange, ConfigStore, PutResult, WritableConfigStore } from './store/config-store.ts';
