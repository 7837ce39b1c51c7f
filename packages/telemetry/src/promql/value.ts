import { labelOf } from '../label-key.ts';
import type { Labels } from '../metrics/registry.ts';

export { labelKey } from '../label-key.ts';

/** The moments a query is evaluated at: `count` of them, `stepMs` apart. */
export interface Grid {
  readonly startMs: number;
  readonly stepMs: number;
  readonly count: number;
}

/** One series over a grid. Where `present` is 0 there is no sample (NaN is a value). */
export interface Column {
  readonly labels: Labels;
  readonly values: Float64Array;
  readonly present: Uint8Array;
}

/** Raw samples of one series, ascending in time. */
export interface SampleRun {
  readonly labels: Labels;
  readonly times: Float64Array;
  readonly values: Float64Array;
}

export type Value =
  | { readonly t: 'scalar'; readonly values: Float64Array }
  | { readonly t: 'string'; readonly value: string }
  | { readonly t: 'vector'; readonly columns: readonly Column[] }
  | { readonly t: 'matrix'; readonly runs: readonly SampleRun[]; readonly rangeMs: number; readonly ends: Float64Array };

export function emptyColumn(labels: Labels, count: number): Column {
  return { labels, values: new Float64Array(count), present: new Uint8Array(count) };
}

export function withoutName(labels: Labels): Labels {
  if (labels['__name__'] === undefined) return labels;
  const { __name__: _, ...rest } = labels;
  return rest;
}

/** Only the named labels, those that are there and not empty. */
export function keepLabels(labels: Labels, names: readonly string[]): Labels {
  const kept: Record<string, string> = {};
  for (const name of names) {
    const value = labelOf(labels, name);
    if (value !== undefined && value !== '') kept[name] = value;
  }
  return kept;
}

/** All but the named labels and the metric's name. */
export function dropLabels(labels: Labels, names: readonly string[]): Labels {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(labels)) if (name !== '__name__' && !names.includes(name)) kept[name] = value;
  return kept;
}

/** Labels as Prometheus prints them in messages. */
export function formatLabels(labels: Labels): string {
  const { __name__: name = '', ...rest } = labels;
  const inner = Object.keys(rest)
    .toSorted()
    .map((key) => `${key}=${JSON.stringify(rest[key])}`)
    .join(', ');
  return inner === '' && name !== '' ? name : `${name}{${inner}}`;
}
