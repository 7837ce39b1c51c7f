import { pushAll } from '@meltemi/base';
import type { CompiledHeader, CompiledHeaders } from '../compiled.ts';
import { compileFormat } from '../format.ts';
import type { HeaderMutation, HeaderMutations } from '../types/common.ts';

/** One level's share: removals, then additions. */
export interface MutationLevel {
  readonly remove: readonly string[];
  readonly add: readonly HeaderMutation[];
}

export const requestLevel = (mutations: HeaderMutations): MutationLevel => ({ remove: mutations.requestRemove, add: mutations.requestAdd });
export const responseLevel = (mutations: HeaderMutations): MutationLevel => ({ remove: mutations.responseRemove, add: mutations.responseAdd });

const NONE: CompiledHeaders = { empty: true, remove: [], set: [] };

/**
 * Folds the levels, in the order they are evaluated, into one list. A level removes before it adds, so what an earlier level has set
 * under a name that a later one removes is dropped here; within a level replacements go before additions.
 */
export function compileHeaders(levels: readonly MutationLevel[]): CompiledHeaders {
  const remove = new Set<string>();
  let set: HeaderMutation[] = [];
  for (const level of levels) {
    for (const name of level.remove) {
      remove.add(name);
      set = set.filter((mutation) => mutation.name !== name);
    }
    const overwrites = level.add.filter((mutation) => mutation.action.startsWith('overwrite'));
    const additions = level.add.filter((mutation) => !mutation.action.startsWith('overwrite'));
    pushAll(set, overwrites);
    pushAll(set, additions);
  }
  if (remove.size === 0 && set.length === 0) return NONE;
  return { empty: false, remove: [...remove], set: set.map(compileMutation) };
}

function compileMutation(mutation: HeaderMutation): CompiledHeader {
  const format = compileFormat(mutation.value, '');
  return {
    name: mutation.name,
    action: mutation.action,
    keepEmptyValue: mutation.keepEmptyValue,
    constant: format.constant,
    value: (source) => format.render(source),
  };
}
