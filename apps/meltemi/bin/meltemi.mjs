#!/usr/bin/env node
// Starts the CLI on Node >= 24.12: in this process when it is new enough, else on the Node that npm installed beside us, else on
// one found on PATH. Plain JavaScript, because it must also parse on older versions.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { findNode, isNewEnough } from './find-node.mjs';
import { supervise } from './supervise.mjs';

const main = new URL('../src/main.ts', import.meta.url);
if (isNewEnough(process.versions.node)) {
  await import(main.href);
} else {
  const node = findNode(fileURLToPath(new URL('..', import.meta.url)));
  if (node === undefined) {
    console.error(
      `meltemi needs Node 24.12 or newer, this is ${process.versions.node}, and no newer one was found in node_modules or on PATH.\nFix: run "npm install" in the project (it brings one), or install Node 24.`,
    );
    process.exit(1);
  }
  process.exit(await supervise(spawn(node, [fileURLToPath(main), ...process.argv.slice(2)], { stdio: 'inherit' })));
}
