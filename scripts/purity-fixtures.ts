/** Each pure package gets a source that must fail to compile there: the proof that the compiler still refuses what purity forbids. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LAYERS } from './layers.ts';

/** What a pure room must not be able to name; each line has to be an error of its own. */
const FORBIDDEN = [
  `import 'node:fs';`,
  `export const a = Buffer.from('x');`,
  `export const b = process.env;`,
  `export const c = setTimeout(() => {}, 1);`,
  `export const d = document.title;`,
  `export const e = performance.now();`,
];

/** True when every forbidden line fails to compile in every pure package. */
export function checkPurityFixtures(root: string, tsc: string): boolean {
  let ok = true;
  for (const [room, layer] of Object.entries(LAYERS)) {
    if (!layer.pure) continue;
    const folder = join(root, 'packages', room, '.cache', 'purity');
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'fixture.ts'), `${FORBIDDEN.join('\n')}\n`);
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ extends: '../../../../tsconfig.pure.json', include: ['fixture.ts'] }));
    const output = spawnSync(tsc, ['-p', folder, '--pretty', 'false'], { encoding: 'utf8' }).stdout;
    const lines = new Set([...output.matchAll(/fixture\.ts\((\d+),/g)].map((match) => Number(match[1])));
    FORBIDDEN.forEach((source, index) => {
      if (lines.has(index + 1)) return;
      ok = false;
      console.log(`packages/${room}: the compiler lets a pure package write: ${source}`);
    });
    rmSync(folder, { recursive: true, force: true });
  }
  const settings = JSON.parse(readFileSync(join(root, 'tsconfig.pure.json'), 'utf8')) as { extends: string };
  return ok && settings.extends === './tsconfig.base.json';
}
