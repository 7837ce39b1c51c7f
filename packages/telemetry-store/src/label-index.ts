import { labelOf, type LabelMatcher, type Labels } from '@meltemi/telemetry';

/** Finds entries by label matchers: postings per label and value, the smallest first, the other matchers on what is left. */
export interface LabelIndex<T> {
  add(labels: Labels, entry: T): void;
  remove(labels: Labels, entry: T): void;
  find(matchers: readonly LabelMatcher[], labelsOf: (entry: T) => Labels): T[];
  names(): string[];
  values(name: string): string[];
}

export function createLabelIndex<T>(): LabelIndex<T> {
  const postings = new Map<string, Map<string, Set<T>>>();
  const all = new Set<T>();
  return {
    add(labels, entry) {
      all.add(entry);
      for (const [name, value] of Object.entries(labels)) {
        let values = postings.get(name);
        if (values === undefined) postings.set(name, (values = new Map()));
        const list = values.get(value);
        if (list === undefined) values.set(value, new Set([entry]));
        else list.add(entry);
      }
    },
    remove(labels, entry) {
      all.delete(entry);
      for (const [name, value] of Object.entries(labels)) {
        const values = postings.get(name);
        const list = values?.get(value);
        list?.delete(entry);
        if (list?.size === 0) values?.delete(value);
        if (values?.size === 0) postings.delete(name);
      }
    },
    find(matchers, labelsOf) {
      let candidates: ReadonlySet<T> = all;
      for (const m of matchers) {
        if (m.op !== '=' || m.value === '') continue;
        const list = postings.get(m.name)?.get(m.value) ?? new Set<T>();
        if (list.size < candidates.size) candidates = list;
      }
      const found: T[] = [];
      for (const entry of candidates) {
        const labels = labelsOf(entry);
        if (matchers.every((m) => m.matches(labelOf(labels, m.name) ?? ''))) found.push(entry);
      }
      return found;
    },
    names: () => [...postings.keys()].toSorted(),
    values: (name) => [...(postings.get(name)?.keys() ?? [])].toSorted(),
  };
}
