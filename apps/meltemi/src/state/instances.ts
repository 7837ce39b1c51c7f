import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MeshError } from '@meltemi/base';
import { makePrivateDir } from './state-dir.ts';

/** A control plane that runs on this machine: `run/<instance>.json`. */
export interface Instance {
  readonly format: 1;
  readonly pid: number;
  readonly startedAt: number;
  /** `http://127.0.0.1:15014` */
  readonly controlPlane: string;
  /** `http://127.0.0.1:20001` */
  readonly console: string;
  /** File with the admin token, 0600. */
  readonly tokenFile: string;
}

/** Writes the instance file atomically; returns a function that removes it. */
export function registerInstance(stateDir: string, instance: Instance): () => void {
  const dir = makePrivateDir(join(stateDir, 'run'));
  const path = join(dir, `${instance.pid}.json`);
  writeAtomically(path, `${JSON.stringify(instance, null, 2)}\n`, 0o600);
  return () => rmSync(path, { force: true });
}

/** The newest instance whose process lives. Files of dead ones are removed on the way. */
export function findInstance(stateDir: string): Instance | undefined {
  const dir = join(stateDir, 'run');
  if (!existsSync(dir)) return undefined;
  let newest: Instance | undefined;
  for (const name of readdirSync(dir)) {
    if (!name.endsWith('.json')) continue;
    const instance = readInstance(join(dir, name));
    if (instance === undefined) continue;
    if (!isAlive(instance.pid)) rmSync(join(dir, name), { force: true });
    else if (newest === undefined || instance.startedAt > newest.startedAt) newest = instance;
  }
  return newest;
}

function readInstance(path: string): Instance | undefined {
  try {
    const value = JSON.parse(readFileSync(path, 'utf8')) as Partial<Instance>;
    if (value.format !== 1) return undefined;
    return typeof value.pid === 'number' && typeof value.controlPlane === 'string' && typeof value.tokenFile === 'string'
      ? (value as Instance)
      : undefined;
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** The admin token of a state directory; made on first use, 0600. */
export function ensureToken(stateDir: string): { readonly token: string; readonly file: string } {
  const file = join(makePrivateDir(join(stateDir, 'run')), 'token');
  if (existsSync(file)) {
    const token = readFileSync(file, 'utf8').trim();
    if (/^[\w-]{32,}$/.test(token)) return { token, file };
    throw new MeshError('state/token', `${file} does not hold a token. Fix: delete the file; a new token is made at the next start.`);
  }
  const token = randomBytes(32).toString('base64url');
  writeAtomically(file, `${token}\n`, 0o600);
  return { token, file };
}

/** Writes beside and renames over, so that a reader sees the old or the new text, never half of one. */
function writeAtomically(path: string, text: string, mode: number): void {
  const temporary = `${path}.${process.pid}.tmp`;
  writeFileSync(temporary, text, { mode });
  renameSync(temporary, path);
}
