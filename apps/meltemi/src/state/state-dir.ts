import { chmodSync, mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

/** `$MELTEMI_STATE`, else `$XDG_STATE_HOME/meltemi`, else `~/.local/state/meltemi` (DESIGN.md section 6). Not created. */
export function defaultStateDir(env: NodeJS.ProcessEnv = process.env): string {
  const own = env['MELTEMI_STATE'];
  if (own !== undefined && own !== '') return resolve(own);
  const xdg = env['XDG_STATE_HOME'];
  return xdg !== undefined && xdg !== '' ? join(resolve(xdg), 'meltemi') : join(homedir(), '.local', 'state', 'meltemi');
}

/** Makes a directory that only its owner can read. An existing one is tightened. */
export function makePrivateDir(path: string): string {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  if (process.platform !== 'win32') chmodSync(path, 0o700);
  return path;
}
