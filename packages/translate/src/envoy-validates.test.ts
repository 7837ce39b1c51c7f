import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { findEnvoy, validate } from './testdata/envoy.ts';
import { readMeshCase, resourcesOf } from './testdata/mesh-case.ts';

const FOLDER = join(import.meta.dirname, 'testdata', 'golden');
const envoy = findEnvoy();

test('a real Envoy takes every golden', { skip: envoy === undefined ? 'no Envoy on PATH; set MELTEMI_ENVOY, or pip install envoy' : false }, () => {
  const refused: string[] = [];
  for (const file of globSync('*.in.yaml', { cwd: FOLDER }).sort()) {
    const { nodes, state } = readMeshCase(readFileSync(join(FOLDER, file), 'utf8'), file);
    for (const [name, node] of nodes) {
      const fault = validate(envoy ?? '', name, resourcesOf(node, state));
      if (fault !== undefined) refused.push(`${file} ${name}: ${fault}`);
    }
  }
  assert.deepEqual(refused, []);
});
