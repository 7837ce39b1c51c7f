import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { staticFiles, text, type Route } from '@meltemi/http';

/** The built console, or a page that says how to build it. */
export function consoleRoutes(directory: string | undefined): readonly Route[] {
  if (directory !== undefined && existsSync(join(directory, 'index.html'))) return staticFiles({ directory, fallback: 'index.html' });
  return [
    { method: 'GET', path: '/', handler: () => text(503, 'The console was not built.\nFix: npm run console (in the sources), then start again.\n') },
  ];
}
