export { createConfigApi, type ConfigApi, type ConfigApiDeps } from './config-api.ts';
