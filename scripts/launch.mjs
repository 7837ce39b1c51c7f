// Entry of `npm start`, `npm test` and the other npm scripts. Plain JavaScript without dependencies: it runs on whatever Node npm
// found, installs what is missing, then goes on with a Node that is new enough for TypeScript sources.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findNode } from '../apps/meltemi/bin/find-node.mjs';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const STAMP = join(ROOT, 'node_modules', '.meltemi-install');
/** Where each npm script goes on, on the new Node. */
const TARGETS = {
  start: ['apps/meltemi/src/main.ts', 'demo'],
  test: ['scripts/test.ts'],
  check: ['scripts/check.ts'],
  golden: ['scripts/golden.ts'],
  bench: ['bench/main.ts'],
  pack: ['scripts/pack.ts'],
  console: ['scripts/build-console.ts'],
};

const [name = 'start', ...rest] = process.argv.slice(2);
const target = TARGETS[name];
if (target === undefined) fail(`unknown script "${name}"; one of ${Object.keys(TARGETS).join(', ')}`);

installIfNeeded();
const node = findNode(ROOT);
if (node === undefined) {
  fail(
    `no Node 24.12 or newer was found, and npm brought none for ${process.platform}-${process.arch}.\nFix: install Node 24 and run the command again.`,
  );
}
run(node, [join(ROOT, target[0]), ...target.slice(1), ...rest]);

/** Installs when node_modules is missing or older than the lockfile. Says what it does and how much it downloads. */
function installIfNeeded() {
  const lock = join(ROOT, 'package-lock.json');
  const wanted = existsSync(lock) ? String(statSync(lock).size) + readFileSync(lock, 'utf8').length : '';
  if (existsSync(STAMP) && readFileSync(STAMP, 'utf8') === wanted) return;
  const packages = Object.keys(JSON.parse(readFileSync(lock, 'utf8')).packages).filter((key) => key.includes('node_modules/')).length;
  console.error(`meltemi: installing about ${packages} packages from npm (first time about 210 MB to download, 650 MB on disk; a minute or two)…`);
  const started = Date.now();
  const npm = process.env['npm_execpath'];
  const args = ['ci', '--no-audit', '--no-fund', '--loglevel=error'];
  const result =
    npm !== undefined && npm.endsWith('.js')
      ? spawnSync(process.execPath, [npm, ...args], { cwd: ROOT, stdio: ['ignore', 2, 2] })
      : spawnSync('npm', args, { cwd: ROOT, stdio: ['ignore', 2, 2], shell: process.platform === 'win32' });
  if (result.status !== 0)
    fail(`npm ci failed with exit code ${result.status ?? result.signal}. The lines above say why; check the network and run the command again.`);
  mkdirSync(dirname(STAMP), { recursive: true });
  writeFileSync(STAMP, wanted);
  console.error(`meltemi: installed in ${((Date.now() - started) / 1000).toFixed(0)} s`);
}

/** Runs `command` in our place: same stdio, signals passed on, its exit code ours. */
function run(command, args) {
  const path = `${join(ROOT, 'node_modules', '.bin')}${process.platform === 'win32' ? ';' : ':'}${process.env['PATH'] ?? ''}`;
  const child = spawn(command, args, { cwd: process.cwd(), stdio: 'inherit', env: { ...process.env, PATH: path, MELTEMI_NPM_SCRIPT: name } });
  // A terminal sends Ctrl-C to the whole group; a supervisor only to us. Passing it on twice does no harm: the child counts one.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => process.exit(signal === null ? (code ?? 1) : 143));
}

/** @returns {never} */
function fail(message) {
  console.error(`meltemi: ${message}`);
  process.exit(1);
}
