import { spawnSync, type SpawnSyncOptionsWithStringEncoding } from 'node:child_process';

/** Runs npm: the one that runs us when there is one, else the one on PATH. Its output is returned, its complaints are printed. */
export function npm(args: readonly string[], cwd: string): { readonly ok: boolean; readonly stdout: string } {
  const cli = process.env['npm_execpath'] ?? '';
  const options: SpawnSyncOptionsWithStringEncoding = { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] };
  const result = /npm-cli\.c?js$/.test(cli)
    ? spawnSync(process.execPath, [cli, ...args], options)
    : spawnSync('npm', [...args], { ...options, shell: process.platform === 'win32' });
  return { ok: result.status === 0, stdout: result.stdout };
}
