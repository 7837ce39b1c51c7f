export { createFetchKeys } from './fetch-keys.ts';
export { createKeyKeeper, type KeyKeeper } from './key-keeper.ts';
