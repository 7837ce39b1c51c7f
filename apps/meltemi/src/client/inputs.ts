import { globSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { decodeYaml, withoutDuplicates, type Config, type DecodedDocument } from '@meltemi/api';
import { MeshError, type Problem } from '@meltemi/base';

/** One file (or standard input) as it was read. */
export interface Input {
  /** As the user wrote it, for messages; `stdin` for standard input. */
  readonly file: string;
  readonly text: string;
}

/** Reads `-f` arguments: files, folders (their .yaml, .yml and .json files) and `-`. Throws MeshError `cli/usage` for a path that is not there. */
export async function readInputs(paths: readonly string[]): Promise<readonly Input[]> {
  const inputs: Input[] = [];
  for (const path of paths) {
    if (path === '-') inputs.push({ file: 'stdin', text: await readStdin() });
    else for (const file of filesOf(path)) inputs.push({ file, text: readFileSync(file, 'utf8') });
  }
  return inputs;
}

function filesOf(path: string): readonly string[] {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined) throw new MeshError('cli/usage', `there is no file or folder "${path}"`);
  if (!stats.isDirectory()) return [path];
  const files = globSync('**/*.{yaml,yml,json}', { cwd: path }).sort();
  if (files.length === 0) throw new MeshError('cli/usage', `the folder "${path}" holds no .yaml, .yml or .json file`);
  return files.map((file) => join(path, file));
}

async function readStdin(): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

export interface DecodedInputs {
  /** Objects without an error, each once. */
  readonly configs: readonly Config[];
  readonly problems: readonly Problem[];
  /** Where each object stands, for problems that are found later. */
  readonly documents: readonly DecodedDocument[];
}

/** Decodes all inputs; an object that two of them hold is a problem of the second. */
export function decodeInputs(inputs: readonly Input[], namespace: string): DecodedInputs {
  const decoded = inputs.map((input) => decodeYaml(input.text, { file: input.file, defaultNamespace: namespace, source: 'file' }));
  const unique = withoutDuplicates(decoded.flatMap((result) => result.configs));
  return {
    configs: unique.configs,
    problems: [...decoded.flatMap((result) => result.problems), ...unique.problems],
    documents: decoded.flatMap((result) => result.documents),
  };
}
