/**
 * What must never be committed: places of one machine (its paths, its registry), and a lockfile that `npm ci` would refuse or that points
 * at somebody's registry.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { npm } from './npm.ts';

const FORBIDDEN: readonly { readonly what: string; readonly pattern: string }[] = [
  { what: 'a path of one machine', pattern: String.raw`(^|[^[:alnum:]_.-])/(work|root|home/[a-z]+|Users/[A-Za-z]+)/[[:alnum:]]` },
  { what: 'the host of a package registry', pattern: String.raw`https?://[^/[:space:]'"]*(registry|artifactory|nexus|verdaccio)[^/[:space:]'"]*` },
];

/** Prints what it finds; true when there is nothing. Without git (a downloaded archive), only the lockfile is looked at. */
export function checkTracked(root: string): boolean {
  const found = FORBIDDEN.flatMap(({ what, pattern }) =>
    grep(root, pattern).map((line) => `${line.slice(0, 200)}\n  is ${what}: other machines do not have it`),
  );
  const lock = readFileSync(join(root, 'package-lock.json'), 'utf8');
  found.push(...staleWorkspaces(root, lock));
  for (const [, url] of lock.matchAll(/"resolved": "(https?:[^"]*)"/g)) found.push(`package-lock.json: "resolved": "${url}" names a registry`);
  if (!npm(['ci', '--dry-run', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], root).ok)
    found.push('package-lock.json does not fit the package.json files. Fix: npm install, then commit the lockfile');
  if (found.length > 0) console.log(found.join('\n'));
  return found.length === 0;
}

/** Lines of tracked files that match. This file is left out: it names what it looks for. */
function grep(root: string, pattern: string): readonly string[] {
  const result = spawnSync('git', ['grep', '-nIE', pattern, '--', '.', ':!scripts/check-tracked.ts'], { cwd: root, encoding: 'utf8' });
  return (result.stdout ?? '').split('\n').filter((line) => line !== '');
}

/** `npm ci` forgives a workspace that no longer names what the lockfile has for it. */
function staleWorkspaces(root: string, lock: string): readonly string[] {
  const { packages } = JSON.parse(lock) as { readonly packages: Readonly<Record<string, Dependencies>> };
  const names = (of: Dependencies): string =>
    Object.entries({ ...of.dependencies, ...of.devDependencies })
      .map((entry) => entry.join(' '))
      .toSorted()
      .join();
  return Object.entries(packages).flatMap(([path, locked]) => {
    if (path.includes('node_modules')) return [];
    const manifest = JSON.parse(readFileSync(join(root, path, 'package.json'), 'utf8')) as Dependencies;
    return names(manifest) === names(locked) ? [] : [`${join(path, 'package.json')} names other packages than the lockfile. Fix: npm install`];
  });
}

interface Dependencies {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}
