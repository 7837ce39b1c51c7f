import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { json, staticFiles, text, type Route } from '@meltemi/http';

/** Where programs ask: what is not there must not be answered with the console's page. */
const APIS = ['/api', '/meltemi', '/prometheus', '/jaeger'];

const noSuchApi: readonly Route[] = APIS.map((path) => ({
  method: 'GET',
  path: `${path}/*rest`,
  handler: (request) => json(404, { code: 'http/not-found', message: `There is no "${path}/${request.params['rest'] ?? ''}" here.` }),
}));

/** The built console, or a page that says how to build it. */
export function consoleRoutes(directory: string | undefined): readonly Route[] {
  if (directory !== undefined && existsSync(join(directory, 'index.html')))
    return [...noSuchApi, ...staticFiles({ directory, fallback: 'index.html' })];
  return [
    ...noSuchApi,
    { method: 'GET', path: '/', handler: () => text(503, 'The console was not built.\nFix: npm run console (in the sources), then start again.\n') },
  ];
}
