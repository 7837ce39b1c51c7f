import { parseArgs } from 'node:util';
import type { BackendKind } from './backend.ts';
import { withField, type Case, type Field } from './field.ts';
import { Report } from './report.ts';
import { throughput, type Rounds } from './rounds.ts';

/** A bench of request rates. */
export interface Bench {
  readonly name: string;
  readonly title: string;
  readonly cases: readonly Case[];
  readonly backend?: BackendKind;
  readonly warm: Rounds['warm'];
  /** What is measured beside rates, with the same processes. */
  readonly more?: (field: Field, cases: readonly Case[], report: Report) => Promise<void>;
}

/** `--rounds`, `--seconds`, `--case` (names with commas), `--no-write`, `--loud`; `--no-latency` leaves out what is measured beside rates. */
export async function runBench(bench: Bench, args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: 'string', default: '7' },
      seconds: { type: 'string', default: '4' },
      case: { type: 'string' },
      'no-latency': { type: 'boolean', default: false },
      'no-write': { type: 'boolean', default: false },
      loud: { type: 'boolean', default: false },
    },
  });
  const names = values.case?.split(',');
  const cases = bench.cases.filter(({ name }) => names === undefined || names.includes(name));
  if (cases.length === 0) throw new Error(`no such case; there are: ${bench.cases.map(({ name }) => name).join(', ')}`);
  const rounds = { count: Number(values.rounds), seconds: Number(values.seconds), warm: bench.warm };
  await withField({ cases, backend: bench.backend ?? 'http1', loud: values.loud }, async (field) => {
    const report = new Report(bench.name);
    report.head(bench.title, field, cases);
    report.rounds(rounds);
    for (const each of cases) for (const result of await throughput(each, field, rounds)) report.result(result);
    report.memory(field);
    if (!values['no-latency']) await bench.more?.(field, cases, report);
    report.end(args);
  });
}
