export { startProxy } from './main/start-proxy.ts';
export { readOptions, runProxy } from './main/run-proxy.ts';
export type { ProxyOptions, RunningProxy } from './main/options.ts';
