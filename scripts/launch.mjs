// Entry of `npm start`, `npm test` and the other npm scripts. Plain JavaScript without dependencies: it runs on whatever Node npm
// found, installs what is missing, then goes on with a Node that is new enough for TypeScript sources.
import { spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findNode } from '../apps/meltemi/bin/find-node.mjs';
import { supervise } from '../apps/meltemi/bin/supervise.mjs';
import { install, isInstalled } from './install.mjs';
import { watchNpm } from './npm-watch.mjs';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
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

if (!isInstalled(ROOT)) await installOrFail();
let node = findNode(ROOT);
if (node === undefined) {
  // The Node of this platform is an optional package: npm goes on without it when the download fails.
  await installOrFail();
  node = findNode(ROOT);
}
if (node === undefined)
  fail(
    `no Node 24.12 or newer was found, and npm brought none for ${process.platform}-${process.arch}.\nFix: install Node 24 and run the command again.`,
  );

const path = `${join(ROOT, 'node_modules', '.bin')}${process.platform === 'win32' ? ';' : ':'}${process.env['PATH'] ?? ''}`;
// The channel tells the program when we are gone, also when we could not pass a signal on.
const child = spawn(node, [join(ROOT, target[0]), ...target.slice(1), ...rest], {
  stdio: name === 'start' ? ['inherit', 'inherit', 'inherit', 'ipc'] : 'inherit',
  env: { ...process.env, PATH: path },
});
watchNpm((signal) => child.kill(signal));
process.exit(await supervise(child));

async function installOrFail() {
  const { code, interrupted } = await install(ROOT);
  if (interrupted) fail('interrupted while installing; the next start installs again.');
  if (code !== 0) fail(`npm ci failed with exit code ${code}. The lines above say why; check the network and run the command again.`);
}

/** @returns {never} */
function fail(message) {
  console.error(`meltemi: ${message}`);
  process.exit(1);
}
