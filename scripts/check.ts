/** `npm run check`: what needs no running part. Format, lint, types of each room, layers, dead code. Prints the time of each. */
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { checkTracked } from './check-tracked.ts';
import { checkPurityFixtures } from './purity-fixtures.ts';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const bin = (name: string): string => join(root, 'node_modules', '.bin', process.platform === 'win32' ? `${name}.cmd` : name);

/** Runs the checks; returns the names of those that failed. */
export function check(): string[] {
  const failed: string[] = [];
  const step = (name: string, run: () => boolean): void => {
    const started = performance.now();
    const ok = run();
    console.log(`${ok ? 'ok  ' : 'FAIL'} ${name} (${((performance.now() - started) / 1000).toFixed(1)} s)`);
    if (!ok) failed.push(name);
  };
  step('format', () => command(bin('oxfmt'), ['--check', '.']));
  step('lint', () => command(bin('oxlint'), ['--type-aware', '--quiet']));
  step('types', () => typeProjects().every((project) => command(bin('tsc'), ['-p', project])));
  step('purity', () => checkPurityFixtures(root, bin('tsc')));
  step('layers', () => command(process.execPath, [join(root, 'scripts/check-layers.ts')]));
  step('repository', () => checkTracked(root));
  step('dead code', () => command(bin('knip'), ['--no-progress']));
  return failed;
}

/** Every folder with a tsconfig, pure rooms first: their errors explain those of the rest. */
function typeProjects(): string[] {
  const projects = globSync(
    ['packages/*/tsconfig.json', 'apps/*/tsconfig.json', 'e2e/tsconfig.json', 'bench/tsconfig.json', 'scripts/tsconfig.json'],
    { cwd: root },
  ).sort();
  return [...projects.map((path) => join(root, path)), join(root, 'tsconfig.tests.json')];
}

function command(path: string, args: readonly string[]): boolean {
  const result = spawnSync(path, args, { cwd: root, encoding: 'utf8', shell: process.platform === 'win32' });
  if (result.status !== 0) console.log(`${result.stdout ?? ''}${result.stderr ?? ''}${result.error === undefined ? '' : String(result.error)}`);
  return result.status === 0;
}

if (import.meta.main) process.exit(check().length === 0 ? 0 : 1);
