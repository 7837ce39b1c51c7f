import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, globSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { MeshError } from '@meltemi/base';
import { PRODUCT_ROOT, resource } from '../resources.ts';
import type { Progress } from './progress.ts';

/** Builds the console when its sources are here and newer than what was built; in the installed package it is built already. */
export async function ensureConsole(progress: Progress): Promise<void> {
  const sources = join(PRODUCT_ROOT, 'apps', 'console');
  if (!existsSync(join(sources, 'vite.config.ts'))) return;
  const state = sourceState(sources);
  if (builtState() === state) return;
  progress.note('building the console (once, a few seconds)…');
  const started = performance.now();
  // Beside, then moved: a console that is being served, or built by another start, never loses its files half way.
  const fresh = join(sources, '.cache', `dist-${process.pid}`);
  const old = `${fresh}-old`;
  try {
    await build(sources, fresh);
    writeFileSync(join(fresh, STAMP), state);
    replace(resource('console'), fresh, old, state);
  } finally {
    for (const path of [fresh, old]) rmSync(path, { recursive: true, force: true });
  }
  progress.done(`console built in ${((performance.now() - started) / 1000).toFixed(1)} s`);
}

const STAMP = '.built';

/** The state of the sources that the built console was made from; undefined when there is none. */
function builtState(): string | undefined {
  const stamp = join(resource('console'), STAMP);
  return existsSync(stamp) ? readFileSync(stamp, 'utf8') : undefined;
}

/** Changes with every file that the console is made of: its own and those of the rooms it names. */
function sourceState(sources: string): string {
  const manifest = join(sources, 'package.json');
  const { dependencies } = JSON.parse(readFileSync(manifest, 'utf8')) as { dependencies: Record<string, string> };
  const rooms = Object.keys(dependencies).flatMap((name) => (name.startsWith('@meltemi/') ? [join(PRODUCT_ROOT, 'packages', name.slice(9))] : []));
  const files = [sources, ...rooms].flatMap((dir) => globSync('src/**/*.{ts,tsx,css}', { cwd: dir }).map((file) => join(dir, file)));
  const hash = createHash('sha256');
  for (const file of [manifest, join(sources, 'index.html'), join(sources, 'vite.config.ts'), ...files.toSorted()]) {
    const { size, mtimeMs } = statSync(file);
    hash.update(`${file} ${size} ${mtimeMs}\n`);
  }
  return hash.digest('hex');
}

/** Moves what was built to its place. When another start was faster with the same sources, its result stays. */
function replace(place: string, fresh: string, old: string, state: string): void {
  try {
    if (existsSync(place)) renameSync(place, old);
    renameSync(fresh, place);
  } catch (error) {
    if (builtState() !== state) throw error;
  }
}

async function build(sources: string, outDir: string): Promise<void> {
  mkdirSync(dirname(outDir), { recursive: true });
  const vite = join(dirname(createRequire(join(sources, 'package.json')).resolve('vite/package.json')), 'bin', 'vite.js');
  const args = [vite, 'build', '--logLevel', 'warn', '--outDir', outDir, '--emptyOutDir'];
  const child = spawn(process.execPath, args, { cwd: sources, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => (said += String(chunk)));
  child.stderr.on('data', (chunk: Buffer) => (said += String(chunk)));
  const code = await new Promise<number>((resolve) => child.once('close', (status) => resolve(status ?? 1)));
  if (code !== 0) throw new MeshError('demo/console', `the console could not be built (vite ended with ${code}):\n${said.slice(-2_000)}`);
}
