import pc from 'picocolors';
import { stringify } from 'yaml';

/** Where a command prints. `line` is the result (stdout), `note` is what a person should know but a script should not parse (stderr). */
export interface Output {
  line(text: string): void;
  note(text: string): void;
  error(text: string): void;
}

export const consoleOutput: Output = {
  line: (text) => void process.stdout.write(`${text}\n`),
  note: (text) => void process.stderr.write(`${text}\n`),
  error: (text) => void process.stderr.write(`${pc.red('error:')} ${text}\n`),
};

export type Format = 'table' | 'wide' | 'json' | 'yaml' | 'name';

/** Fixed-width table as kubectl prints it: upper-case heads, three spaces, no boxes. */
export function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = heads.map((head, column) => Math.max(head.length, ...rows.map((row) => (row[column] ?? '').length)));
  const render = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => (column === cells.length - 1 ? cell : cell.padEnd((widths[column] ?? 0) + 3)))
      .join('')
      .trimEnd();
  return [render(heads), ...rows.map(render)].join('\n');
}

/** A value as JSON or YAML text. */
export function structured(value: unknown, format: 'json' | 'yaml'): string {
  return format === 'json' ? JSON.stringify(value, null, 2) : stringify(value, { lineWidth: 0 }).trimEnd();
}

/** `5s`, `3m12s`, `4h`, `12d`: an age as kubectl shows it. */
export function age(fromMs: number, nowMs: number): string {
  const seconds = Math.max(0, Math.floor((nowMs - fromMs) / 1000));
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 10) return seconds % 60 === 0 ? `${minutes}m` : `${minutes}m${seconds % 60}s`;
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours}h` : `${Math.floor(hours / 24)}d`;
}
