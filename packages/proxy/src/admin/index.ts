import { clustersEndpoint } from './clusters.ts';
import { certsEndpoint } from './certs.ts';
import { configDumpEndpoint } from './config-dump.ts';
import { text, type AdminEndpoint } from './context.ts';
import { listenersEndpoint } from './listeners.ts';
import { drainEndpoint, loggingEndpoint, quitEndpoint, readyEndpoint, serverInfoEndpoint } from './server-state.ts';
import { metricsEndpoint, prometheusEndpoint, statsEndpoint } from './stats.ts';

const helpEndpoint: AdminEndpoint = {
  path: '/help',
  help: 'this list',
  write: false,
  handle: () =>
    text(`admin commands are:\n${ADMIN_ENDPOINTS.map((item) => `  ${item.path}${item.write ? ' (POST)' : ''}: ${item.help}\n`).join('')}`),
};

/** Every admin endpoint, in the order of `/help`. */
export const ADMIN_ENDPOINTS: readonly AdminEndpoint[] = [
  certsEndpoint,
  clustersEndpoint,
  configDumpEndpoint,
  drainEndpoint,
  helpEndpoint,
  listenersEndpoint,
  loggingEndpoint,
  quitEndpoint,
  readyEndpoint,
  serverInfoEndpoint,
  statsEndpoint,
  prometheusEndpoint,
];

/** What the metrics port (15090) answers. */
export const METRICS_ENDPOINTS: readonly AdminEndpoint[] = [metricsEndpoint];
