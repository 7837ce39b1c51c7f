import { globSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { ParityCase } from '../define.ts';

/** The cases of one file. */
export interface Topic {
  readonly name: string;
  readonly cases: readonly ParityCase[];
}

const FOLDER = join(import.meta.dirname, '..', 'cases');

/** Loads `cases/<topic>.ts`, each of which exports `cases`. `filter`: a topic, or `topic/part of a case's name`. */
export async function loadTopics(filter = ''): Promise<readonly Topic[]> {
  const [wanted = '', part = ''] = filter.split('/', 2);
  const files = globSync('*.ts', { cwd: FOLDER }).sort();
  const names = files
    .map((file) => basename(file, '.ts'))
    .filter((name) => wanted === '' || name === wanted || (part === '' && name.startsWith(wanted)));
  return Promise.all(
    names.map(async (name) => {
      const { cases } = (await import(join(FOLDER, `${name}.ts`))) as { readonly cases: readonly ParityCase[] };
      return { name, cases: cases.filter((item) => item.name.includes(part)) };
    }),
  );
}
