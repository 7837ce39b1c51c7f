/**
 * What proxies get, by glob: `testdata/golden/**\/<case>.in.yaml` → `<case>.out.yaml`. Every resource of every case is also given to a real
 * Envoy, when there is one, and (golden-decoded.test.ts) to the decoder of our own proxy. MELTEMI_GOLDEN=write writes the goldens.
 */
import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { findEnvoy, validate } from './testdata/envoy.ts';
import { readMeshCase, resourcesOf, selected } from './testdata/mesh-case.ts';
import { writeYaml } from './testdata/yaml.ts';

const FOLDER = join(import.meta.dirname, 'testdata', 'golden');
const WRITE = process.env['MELTEMI_GOLDEN'] === 'write';
const inputs = globSync('**/*.in.yaml', { cwd: FOLDER }).sort();
const caseOf = (file: string) => readMeshCase(readFileSync(join(FOLDER, file), 'utf8'), file);

for (const file of inputs) {
  test(`what proxies get: ${file}`, () => {
    const { nodes, state, only } = caseOf(file);
    assert.notEqual(nodes.size, 0, 'a case shows at least one node ("show": true)');
    const made = [...nodes].map(([name, node]) => `# ${name}\n${writeYaml(selected(resourcesOf(node, state), only))}`).join('---\n');
    const output = join(FOLDER, file.replace('.in.yaml', '.out.yaml'));
    if (WRITE) writeFileSync(output, made);
    assert.ok(existsSync(output), `no golden yet: run npm run golden, then look at ${basename(output)}`);
    assert.equal(made, readFileSync(output, 'utf8'));
  });
}

test('no golden is left without its input', () => {
  const orphans = globSync('**/*.out.yaml', { cwd: FOLDER }).filter((name) => !inputs.includes(name.replace('.out.yaml', '.in.yaml')));
  assert.deepEqual(orphans, []);
});

const envoy = findEnvoy();

test('a real Envoy takes every golden', { skip: envoy === undefined ? 'no Envoy on PATH; set MELTEMI_ENVOY, or pip install envoy' : false }, () => {
  const cases = inputs.map((file) => {
    const { nodes, state } = caseOf(file);
    return { file, resources: [...nodes.values()].map((node) => resourcesOf(node, state)) };
  });
  const all = validate(
    envoy ?? '',
    cases.flatMap(({ resources }) => resources),
  );
  if (all === undefined) return;
  // One run for all of them costs a second; only when it fails are the guilty looked for.
  const guilty = cases.flatMap(({ file, resources }) => {
    const fault = validate(envoy ?? '', resources);
    return fault === undefined ? [] : [`${file}: ${fault}`];
  });
  assert.deepEqual(guilty.length === 0 ? [all] : guilty, []);
});
