import { KINDS, type KindDefinition } from '@meltemi/api';
import { MeshError } from '@meltemi/base';
import { resolveKind } from './objects.ts';

/** Objects of these kinds; all of them, or those of these names. */
export interface Target {
  readonly kinds: readonly KindDefinition[];
  readonly names: readonly string[];
}

/** Reads `vs`, `vs,dr`, `all`, `vs reviews ratings` and `vs/reviews dr/reviews`, as kubectl does. Throws MeshError `cli/usage`. */
export function parseTargets(args: readonly string[]): readonly Target[] {
  const [first, ...names] = args;
  if (first === undefined) return [];
  if (args.some((arg) => arg.includes('/'))) return args.map(parsePair);
  return [{ kinds: first === 'all' ? KINDS : [...new Set(first.split(',').map(resolveKind))], names }];
}

function parsePair(text: string): Target {
  const [kind = '', name = '', ...rest] = text.split('/');
  if (kind === '' || name === '' || rest.length > 0)
    throw new MeshError('cli/usage', `"${text}" is not of the form KIND/NAME. Write "vs/reviews dr/reviews", or "vs reviews".`);
  return { kinds: [resolveKind(kind)], names: [name] };
}
