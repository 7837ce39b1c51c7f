import type { Labels, MetricRegistry } from './registry.ts';

/** `Content-Type` of the text format. */
export const EXPOSITION_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** One line of the text format. `timestampMs` is undefined when the line has none, as is usual. */
export interface ExpositionSample {
  readonly name: string;
  readonly labels: Labels;
  readonly value: number;
  readonly timestampMs: number | undefined;
}

export type MetricType = 'counter' | 'gauge' | 'histogram' | 'summary' | 'untyped';

/** A metric with all its lines. `name` is without `_bucket`, `_sum` and `_count`. */
export interface MetricFamily {
  readonly name: string;
  readonly type: MetricType;
  readonly help: string;
  readonly samples: readonly ExpositionSample[];
}

/** All series of a registry in Prometheus' text format 0.0.4. Series whose peer is not known yet are left out for now. */
export function writeExposition(registry: MetricRegistry, nowMs: number): string {
  const families = new Map<string, { readonly type: string; lines: string[] }>();
  registry.collect(nowMs, (series) => {
    let family = families.get(series.name);
    if (family === undefined) families.set(series.name, (family = { type: series.kind.toLowerCase(), lines: [] }));
    const inner = labelText(series.labels);
    if (series.kind !== 'HISTOGRAM') {
      family.lines.push(`${series.name}${inner === '' ? '' : `{${inner}}`} ${formatValue(series.value)}`);
      return;
    }
    const prefix = inner === '' ? '' : `${inner},`;
    let total = 0;
    for (const [i, count] of series.counts.entries()) {
      total += count;
      family.lines.push(`${series.name}_bucket{${prefix}le="${formatValue(series.bounds[i] ?? Infinity)}"} ${total}`);
    }
    const braces = inner === '' ? '' : `{${inner}}`;
    family.lines.push(`${series.name}_sum${braces} ${formatValue(series.sum)}`, `${series.name}_count${braces} ${series.count}`);
  });
  let text = '';
  for (const [name, family] of families) {
    const help = registry.help(name);
    if (help !== undefined) text += `# HELP ${name} ${escapeHelp(help)}\n`;
    text += `# TYPE ${name} ${family.type}\n${family.lines.join('\n')}\n`;
  }
  return text;
}

/** Families as text: what the agent serves after adding the application's metrics to the proxy's. */
export function formatFamilies(families: readonly MetricFamily[]): string {
  let text = '';
  for (const family of families) {
    if (family.help !== '') text += `# HELP ${family.name} ${escapeHelp(family.help)}\n`;
    if (family.type !== 'untyped') text += `# TYPE ${family.name} ${family.type}\n`;
    for (const sample of family.samples) {
      const inner = labelText(sample.labels);
      const time = sample.timestampMs === undefined ? '' : ` ${sample.timestampMs}`;
      text += `${sample.name}${inner === '' ? '' : `{${inner}}`} ${formatValue(sample.value)}${time}\n`;
    }
  }
  return text;
}

/** A number as Prometheus writes it. */
export function formatValue(value: number): string {
  if (value === Infinity) return '+Inf';
  if (value === -Infinity) return '-Inf';
  return String(value);
}

function labelText(labels: Labels): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${value.replace(/[\\"\n]/g, (c) => (c === '\n' ? '\\n' : `\\${c}`))}"`)
    .join(',');
}

function escapeHelp(text: string): string {
  return text.replace(/[\\\n]/g, (c) => (c === '\n' ? '\\n' : '\\\\'));
}
