import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Folders that are not code: in the sources they lie in the workspace, in the packed package beside the bundle. */
const IN_SOURCES = { console: 'apps/console/dist', samples: 'samples', bookinfo: 'apps/bookinfo/src' } as const;
const IN_PACKAGE = { console: 'console', samples: 'samples', bookinfo: 'dist/bookinfo' } as const;

/** True in the one package that `npm run pack` makes; replaced by the bundler. */
const PACKED: boolean = process.env['MELTEMI_PACKED'] === 'true';

/** Root of the workspace, or of the installed package. */
export const PRODUCT_ROOT: string = findRoot(dirname(fileURLToPath(import.meta.url)));

function findRoot(from: string): string {
  for (let dir = from; ; dir = dirname(dir)) {
    if (existsSync(join(dir, PACKED ? 'package.json' : 'package-lock.json'))) return dir;
    if (dirname(dir) === dir) return from;
  }
}

/** The path of a folder of the product. */
export function resource(name: keyof typeof IN_SOURCES): string {
  return join(PRODUCT_ROOT, PACKED ? IN_PACKAGE[name] : IN_SOURCES[name]);
}

/** A program of Bookinfo: TypeScript in the sources, bundled in the package. */
export function bookinfoProgram(name: string): string {
  return join(resource('bookinfo'), `${name}.${PACKED ? 'js' : 'ts'}`);
}
