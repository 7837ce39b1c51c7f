import { spawn } from 'node:child_process';
import { existsSync, globSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { MeshError } from '@meltemi/base';
import { PRODUCT_ROOT, resource } from '../resources.ts';
import type { Progress } from './progress.ts';

/** Builds the console when its sources are here and newer than what was built; in the installed package it is built already. */
export async function ensureConsole(progress: Progress): Promise<void> {
  const sources = join(PRODUCT_ROOT, 'apps', 'console');
  if (!existsSync(join(sources, 'vite.config.ts'))) return;
  const stamp = join(resource('console'), '.built');
  const state = sourceState(sources);
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === state) return;
  progress.note('building the console (once, a few seconds)…');
  const started = performance.now();
  await build(sources);
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, state);
  progress.done(`console built in ${((performance.now() - started) / 1000).toFixed(1)} s`);
}

/** Newest change of the console and of what it is made from. */
function sourceState(sources: string): string {
  const files = [
    join(sources, 'src'),
    join(PRODUCT_ROOT, 'packages', 'console-api', 'src'),
    join(PRODUCT_ROOT, 'packages', 'telemetry', 'src'),
  ].flatMap((dir) => globSync('**/*.{ts,tsx,css}', { cwd: dir }).map((file) => join(dir, file)));
  return [join(sources, 'index.html'), join(sources, 'vite.config.ts'), ...files]
    .map((file) => `${statSync(file).size}:${Math.round(statSync(file).mtimeMs)}`)
    .join('\n');
}

async function build(sources: string): Promise<void> {
  const vite = join(dirname(createRequire(join(sources, 'package.json')).resolve('vite/package.json')), 'bin', 'vite.js');
  const child = spawn(process.execPath, [vite, 'build', '--logLevel', 'warn'], { cwd: sources, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => (said += String(chunk)));
  child.stderr.on('data', (chunk: Buffer) => (said += String(chunk)));
  const code = await new Promise<number>((resolve) => child.once('close', (status) => resolve(status ?? 1)));
  if (code !== 0) throw new MeshError('demo/console', `the console could not be built (vite ended with ${code}):\n${said.slice(-2_000)}`);
}
