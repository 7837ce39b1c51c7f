export { createConfigApi } from './config-api.ts';
