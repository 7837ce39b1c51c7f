import type { OptionSpec } from '../define-command.ts';
import { table, structured, type Format, type Output } from '../output/output.ts';
import type { Rows } from '../proxy-config/rows.ts';

/** `--server`, for every command that talks to a control plane. */
export const serverOption: OptionSpec = {
  flags: '--server <url>',
  text: 'control plane to talk to (else MELTEMI_SERVER, else the newest one on this machine)',
};

/** `-o`, for every command that prints a table. */
export const outputOption: OptionSpec = {
  flags: '-o, --output <format>',
  text: 'table, wide, json, yaml or name',
  choices: ['table', 'wide', 'json', 'yaml', 'name'],
  default: 'table',
};

/** Prints rows as a table, or `value` as JSON or YAML. */
export function printRows(out: Output, format: Format, rows: Rows, value: unknown): void {
  if (format === 'json' || format === 'yaml') out.line(structured(value, format));
  else if (format === 'name') for (const row of rows.rows) out.line(row[0] ?? '');
  else out.line(table(rows.heads, rows.rows));
}

/** The format that `-o` chose. */
export function formatOf(options: Readonly<Record<string, unknown>>): Format {
  return (options['output'] as Format | undefined) ?? 'table';
}
