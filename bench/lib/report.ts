import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import type { Case, Field } from './field.ts';
import { load, type Result, type Rounds } from './rounds.ts';

const RESULTS = new URL('../RESULTS.md', import.meta.url);

/** Text of a bench: printed as it comes, and kept for its section of RESULTS.md. */
export class Report {
  readonly #lines: string[] = [];
  readonly #name: string;
  readonly #loadBefore = load();

  constructor(name: string) {
    this.#name = name;
  }

  line(text = ''): void {
    this.#lines.push(text);
    console.log(text);
  }

  /** What ran where: a ratio says nothing without it. */
  head(title: string, field: Field, cases: readonly Case[]): void {
    this.line(`## ${this.#name}: ${title}\n`);
    this.line(`${cpus().length} CPUs (${cpus()[0]?.model ?? ''}), ${process.platform} ${release()}; backend ${field.backend.name}.`);
    this.line(`${field.list.map(({ version }) => version).join('; ')}; one traffic thread each, the same xDS resources for ours and Envoy.\n`);
    for (const each of cases) this.line(`- *${each.name}*: ${each.text}`);
    this.line();
  }

  rounds({ count, seconds, warm }: Rounds): void {
    this.line(
      `Requests per CPU-second of the proxy process; ${count} rounds of ${seconds} s, interleaved, order reversed each round, after ${warm.requests.toLocaleString('en')} requests or ${warm.maxSeconds} s of warm-up; ratio to Envoy in the same round.\n`,
    );
    this.line('| case | proxy | requests / CPU-s, median | requests / s | ratio: median | min | max | floor, goal |');
    this.line('|---|---|---|---|---|---|---|---|');
  }

  result({ case: name, proxy, rate, perSecond, ratio, floor, goal, errors }: Result): void {
    const ratios = ratio === undefined ? '| | |' : `**${ratio.median.toFixed(2)}** | ${ratio.min.toFixed(2)} | ${ratio.max.toFixed(2)} |`;
    const wanted = [floor, goal].filter((value) => value !== undefined).join(', ');
    const missed = floor !== undefined && ratio !== undefined && ratio.median < floor ? ' MISSED' : '';
    const number = (value: number): string => Math.round(value).toLocaleString('en');
    this.line(
      `| ${name} | ${proxy} | ${number(rate)} | ${number(perSecond)} | ${ratios} ${wanted}${missed} |${errors.length > 0 ? ` ERRORS: ${errors.join('; ')}` : ''}`,
    );
  }

  memory(field: Field): void {
    this.line(
      `\nResident memory after the run: ${field.list.map(({ name, process }) => `${name} ${process.residentMb().toFixed(0)} MB`).join(', ')}.`,
    );
  }

  /** Says how busy the machine was, and how to repeat it; exchanges the section of RESULTS.md unless `--no-write` is among the arguments. */
  end(args: readonly string[]): void {
    const given = args.filter((arg) => arg !== '--no-write').join(' ');
    this.line(
      `\nLoad of the machine ${this.#loadBefore} before, ${load()} after. Command: \`npm run bench -- ${this.#name}${given === '' ? '' : ` ${given}`}\`.`,
    );
    if (args.includes('--no-write')) return;
    const begin = `<!-- ${this.#name} -->\n`;
    const end = `<!-- end of ${this.#name} -->\n`;
    const text = readFileSync(RESULTS, 'utf8');
    const section = `${begin}${this.#lines.join('\n')}\n${end}`;
    const at = text.indexOf(begin);
    const until = text.indexOf(end);
    writeFileSync(RESULTS, at < 0 || until < at ? `${text.trimEnd()}\n\n${section}` : text.slice(0, at) + section + text.slice(until + end.length));
  }
}
