import type { Problem } from '@meltemi/base';
import { decodeYaml } from './yaml.ts';

/**
 * Problems of objects that `text` holds, each with the line and column of its path in that text. Analysis knows only where an object
 * begins; this tells the very line. Problems of other objects come back as they are.
 */
export function locateProblems(
  problems: readonly Problem[],
  text: string,
  options: { readonly file: string; readonly defaultNamespace?: string },
): readonly Problem[] {
  const { documents } = decodeYaml(text, options);
  return problems.map((problem) => {
    const { object, origin } = problem;
    const document =
      object === undefined
        ? undefined
        : documents.find((one) => one.kind === object.kind && one.namespace === object.namespace && one.name === object.name);
    if (document === undefined) return problem;
    return { ...problem, origin: { source: origin?.source ?? 'file', file: options.file, ...document.locate(problem.path) } };
  });
}
