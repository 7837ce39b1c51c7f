import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/**
 * The Bun that npm installed; undefined = none. Where npm runs no install scripts, `bun/bin/bun.exe` is only a placeholder: then the
 * platform's own package has the program.
 */
export function findBun(): string | undefined {
  const require = createRequire(import.meta.url);
  const candidates: string[] = [];
  try {
    const own = dirname(require.resolve('bun/package.json'));
    candidates.push(join(own, 'bin', 'bun.exe'));
    const platform = process.platform === 'win32' ? 'windows' : process.platform;
    const name = `@oven/bun-${platform}-${process.arch === 'arm64' ? 'aarch64' : process.arch}/package.json`;
    candidates.unshift(
      join(dirname(createRequire(join(own, 'package.json')).resolve(name)), 'bin', process.platform === 'win32' ? 'bun.exe' : 'bun'),
    );
  } catch {
    // an optional dependency
  }
  return candidates.find((path) => existsSync(path) && spawnSync(path, ['--version']).status === 0);
}

export function bunVersion(bun: string): string {
  return spawnSync(bun, ['--version'], { encoding: 'utf8' }).stdout.trim();
}
