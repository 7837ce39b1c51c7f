import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { readMeshCase, resourcesOf } from './testdata/mesh-case.ts';
import { writeYaml } from './testdata/yaml.ts';

const FOLDER = join(import.meta.dirname, 'testdata', 'golden');
const WRITE = process.env['MELTEMI_GOLDEN'] === 'write';
const inputs = globSync('*.in.yaml', { cwd: FOLDER }).sort();

for (const file of inputs) {
  test(`what proxies get: ${file}`, () => {
    const { nodes, state } = readMeshCase(readFileSync(join(FOLDER, file), 'utf8'), file);
    assert.notEqual(nodes.size, 0, 'a case shows at least one node ("show": true)');
    const made = [...nodes].map(([name, node]) => `# ${name}\n${writeYaml(resourcesOf(node, state))}`).join('---\n');
    const output = join(FOLDER, file.replace('.in.yaml', '.out.yaml'));
    if (WRITE) writeFileSync(output, made);
    assert.ok(existsSync(output), `no golden yet: run npm run golden, then look at ${basename(output)}`);
    assert.equal(made, readFileSync(output, 'utf8'));
  });
}

test('no golden is left without its input', () => {
  const orphans = globSync('*.out.yaml', { cwd: FOLDER }).filter((name) => !inputs.includes(name.replace('.out.yaml', '.in.yaml')));
  assert.deepEqual(orphans, []);
});
