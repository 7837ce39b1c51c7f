import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { formatProblem } from '@meltemi/base';
import { configKey, type Config } from '../config.ts';
import { toYaml } from '../encode.ts';
import { DECODE_CODES } from '../codes.ts';
import { applyFixes } from './fixes.ts';
import { decodeObject } from './json.ts';
import { decodeYaml } from './yaml.ts';
import { toObject } from '../encode.ts';

const WRITE = process.env['MELTEMI_GOLDEN'] === 'write';
const folder = new URL('../testdata/decode/', import.meta.url);
const names = readdirSync(folder);
const inputs = names.filter((name) => name.endsWith('.yaml'));
const read = (name: string): string => readFileSync(new URL(name, folder), 'utf8');

/** Everything decoding says about a text, and the text as its fixes make it. */
function report(file: string): string {
  const text = read(file);
  const { configs, problems } = decodeYaml(text, { file });
  const fixed = applyFixes(text, problems);
  const parts = [`objects: ${configs.map(configKey).join(', ') || 'none'}`, ...problems.map(formatProblem)];
  if (fixed !== text) {
    const again = decodeYaml(fixed, { file });
    parts.push(`fixed (${again.problems.length} problems left):`, fixed.trimEnd());
  }
  return `${parts.join('\n')}\n`;
}

for (const file of inputs) {
  test(`decoding ${file}`, () => {
    const golden = file.replace(/\.yaml$/, '.txt');
    const actual = report(file);
    if (WRITE) writeFileSync(new URL(golden, folder), actual);
    assert.equal(actual, read(golden));
  });
}

test('no golden is left over, and every code is seen in one', () => {
  const orphans = names.filter((name) => name.endsWith('.txt') && !inputs.includes(name.replace(/\.txt$/, '.yaml')));
  assert.deepEqual(orphans, []);
  const all = names
    .filter((name) => name.endsWith('.txt'))
    .map(read)
    .join('\n');
  // LEAST_CONN is the deprecated value; IST0133 carries it as a warning.
  for (const code of Object.keys(DECODE_CODES)) assert.ok(all.includes(`[${code}]`), `no golden shows ${code}`);
});

test('what was decoded comes back from YAML and JSON unchanged', () => {
  for (const file of inputs) {
    for (const config of decodeYaml(read(file)).configs) {
      const again = decodeYaml(toYaml(config)).configs[0];
      assert.deepEqual(withoutOrigin(again), withoutOrigin(config));
      const json = decodeObject(JSON.parse(JSON.stringify(toObject(config))), config.origin).config;
      assert.deepEqual(json, config);
    }
  }
});

function withoutOrigin(config: Config | undefined): unknown {
  return config === undefined ? undefined : { ...config, origin: undefined };
}
