import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, isAbsolute, join, resolve } from 'node:path';

/** Full path of a program as a shell would find it: as it stands when it has a slash, else on PATH. Undefined when it is nowhere or may not be run. */
export function findProgram(
  name: string,
  options: { readonly path?: string | undefined; readonly cwd?: string | undefined } = {},
): string | undefined {
  if (name === '') return undefined;
  if (isAbsolute(name) || name.includes('/') || name.includes('\\')) {
    const full = resolve(options.cwd ?? process.cwd(), name);
    return isProgram(full) ? full : undefined;
  }
  const folders = (options.path ?? process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  return folders.map((folder) => join(folder, name)).find(isProgram);
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
