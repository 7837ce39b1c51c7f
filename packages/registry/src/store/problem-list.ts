import type { Problem } from '@meltemi/base';

/** The problems of a store at the moment, and who wants to know when they change. */
export interface ProblemList {
  readonly get: () => readonly Problem[];
  set(problems: readonly Problem[]): void;
  readonly watch: (listener: () => void) => () => void;
}

/** No problems yet. */
export function createProblemList(): ProblemList {
  let current: readonly Problem[] = [];
  const listeners = new Set<() => void>();
  return {
    get: () => current,
    set(problems) {
      if (JSON.stringify(problems) === JSON.stringify(current)) return;
      current = problems;
      for (const listener of listeners) listener();
    },
    watch(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
