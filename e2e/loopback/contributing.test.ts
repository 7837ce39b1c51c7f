import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** A block of the worked example: a new file, or lines for a list that is there. */
interface Block {
  readonly path: string;
  readonly text: string;
  /** Name of the list that the last line goes into; the lines before it go to the top of the file. */
  readonly list: string | undefined;
}

function blocksOf(markdown: string): readonly Block[] {
  const section = markdown.slice(markdown.indexOf('\n## Worked example\n'));
  return [...section.matchAll(/^```ts(?: list (\w+))?\n\/\/ (\S+)\n([\s\S]*?)^```$/gm)].map(([, list, path = '', text = '']) => ({
    path,
    text,
    list,
  }));
}

function apply(folder: string, { path, text, list }: Block): void {
  const file = join(folder, path);
  mkdirSync(dirname(file), { recursive: true });
  if (list === undefined) return writeFileSync(file, text);
  const lines = text.trimEnd().split('\n');
  const entry = lines.pop() ?? '';
  const before = readFileSync(file, 'utf8');
  const after = before.replace(new RegExp(`^(export const ${list}\\b.*\\[)$`, 'm'), `$1\n${entry}`);
  assert.notEqual(after, before, `${path} has a list ${list}`);
  writeFileSync(file, `${lines.join('\n')}\n${after}`);
}

/** A package as it is, with what it depends on. */
function copyPackage(folder: string, name: string): string {
  const [from, to] = [join(ROOT, 'packages', name), join(folder, 'packages', name)];
  cpSync(from, to, { recursive: true, filter: (path) => !path.includes('node_modules') });
  symlinkSync(join(from, 'node_modules'), join(to, 'node_modules'));
  return to;
}

function run(command: string, args: readonly string[], cwd: string): void {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: 'utf8', env: { ...process.env, NODE_TEST_CONTEXT: undefined } });
  assert.equal(status, 0, `${command} ${args.join(' ')}\n${stdout}${stderr}`);
}

test('a made-up kind and a made-up filter are one file and one list line each: the example of CONTRIBUTING.md compiles and does what it says', () => {
  const blocks = blocksOf(readFileSync(join(ROOT, 'CONTRIBUTING.md'), 'utf8'));
  const added = blocks.filter(({ list, path }) => list === undefined && !path.endsWith('.test.ts'));
  assert.deepEqual([added.length, blocks.filter(({ list }) => list !== undefined).length], [2, 2]);
  const folder = mkdtempSync(join(tmpdir(), 'meltemi-contributing-'));
  try {
    for (const name of ['tsconfig.base.json', 'tsconfig.pure.json', 'package.json']) cpSync(join(ROOT, name), join(folder, name));
    for (const name of ['api', 'runtime']) {
      const copy = copyPackage(folder, name);
      const own = blocks.filter(({ path }) => path.startsWith(`packages/${name}/`));
      for (const block of own) apply(folder, block);
      run(join(ROOT, 'node_modules', '.bin', 'tsc'), ['-p', copy], copy);
      run(process.execPath, ['--test', ...own.filter(({ path }) => path.endsWith('.test.ts')).map(({ path }) => join(folder, path))], copy);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
