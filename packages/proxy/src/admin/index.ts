import { clustersEndpoint } from './clusters.ts';
import { certsEndpoint } from './certs.ts';
import { configDumpEndpoint } from './config-dump.ts';
import { listOf, text, type AdminEndpoint } from './context.ts';
import { listenersEndpoint } from './listeners.ts';
import { loggingEndpoint } from './logging.ts';
import {
  drainEndpoint,
  failEndpoint,
  initDumpEndpoint,
  memoryEndpoint,
  quitEndpoint,
  readyEndpoint,
  recoverEndpoint,
  resetEndpoint,
  runtimeEndpoint,
  serverInfoEndpoint,
} from './server-state.ts';
import { tapEndpoint } from './tap.ts';
import { metricsEndpoint, prometheusEndpoint, statsEndpoint } from './stats.ts';

const homeEndpoint: AdminEndpoint = {
  path: '/',
  help: 'Admin home page',
  write: false,
  handle: () => ({ status: 200, type: 'text/html', body: homePage() }),
};

const helpEndpoint: AdminEndpoint = {
  path: '/help',
  help: 'print out list of admin commands',
  write: false,
  handle: () => text(listOf(ADMIN_ENDPOINTS)),
};

/** Every admin endpoint, in the order of `/help`. */
export const ADMIN_ENDPOINTS: readonly AdminEndpoint[] = [
  homeEndpoint,
  certsEndpoint,
  clustersEndpoint,
  configDumpEndpoint,
  drainEndpoint,
  failEndpoint,
  recoverEndpoint,
  helpEndpoint,
  initDumpEndpoint,
  listenersEndpoint,
  loggingEndpoint,
  memoryEndpoint,
  quitEndpoint,
  readyEndpoint,
  resetEndpoint,
  runtimeEndpoint,
  serverInfoEndpoint,
  statsEndpoint,
  prometheusEndpoint,
  tapEndpoint,
];

/** What the metrics port (15090) answers. */
export const METRICS_ENDPOINTS: readonly AdminEndpoint[] = [metricsEndpoint];

/** A page with the same; what changes something is not a link. */
function homePage(): string {
  const escape = (value: string): string => value.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  const rows = ADMIN_ENDPOINTS.filter(({ path }) => path !== '/').map(({ path, write, help }) => {
    const name = write ? `${path} (POST)` : `<a href="${path.slice(1)}">${path.slice(1)}</a>`;
    return `<tr><td>${name}</td><td>${escape(help)}</td></tr>`;
  });
  return `<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>Admin</title></head><body><table>\n${rows.join('\n')}\n</table></body></html>\n`;
}
