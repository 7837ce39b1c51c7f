// From nothing to the first answer, and what a proxy weighs before it has done anything.
import { parseArgs } from 'node:util';
import { get } from 'node:http';
import { meshCase } from './lib/cases.ts';
import { withField, type Field } from './lib/field.ts';
import { http1Load } from './lib/load.ts';
import { Report } from './lib/report.ts';
import { spread } from './lib/rounds.ts';

const EACH = meshCase('mesh', '100 routes, mutual TLS upstream, trace context, access log', 100, { load: http1Load() });

/** `npm run bench -- startup`. */
export async function run(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: { rounds: { type: 'string', default: '7' }, 'no-write': { type: 'boolean', default: false }, loud: { type: 'boolean', default: false } },
  });
  const report = new Report('startup');
  const seen = new Map<string, Start[]>();
  for (let round = 0; round < Number(values.rounds); round++) {
    await withField({ cases: [EACH], backend: 'http1', loud: values.loud }, async (field) => {
      if (round === 0) report.head('cold start and memory at rest', field, [EACH]);
      for (const [name, start] of await look(field)) seen.set(name, [...(seen.get(name) ?? []), start]);
    });
  }
  report.line('| proxy | ms until it listens | ms of the first request | MB after it |\n|---|---|---|---|');
  for (const [name, list] of seen)
    report.line(
      `| ${name} | ${spread(
        list.map(({ startMs }) => startMs),
        0,
      )} | ${spread(
        list.map(({ firstMs }) => firstMs),
        1,
      )} | ${spread(
        list.map(({ mb }) => mb),
        0,
      )} |`,
    );
  report.end(args);
}

interface Start {
  readonly startMs: number;
  readonly firstMs: number;
  readonly mb: number;
}

async function look(field: Field): Promise<[string, Start][]> {
  const all: [string, Start][] = [];
  for (const { name, startMs, ports, process } of field.list) {
    const from = performance.now();
    await new Promise<void>((resolve, reject) => {
      get({ host: '127.0.0.1', port: ports[EACH.name], path: '/bench' }, (response) => response.resume().once('end', resolve)).once('error', reject);
    });
    all.push([name, { startMs, firstMs: performance.now() - from, mb: process.residentMb() }]);
  }
  return all;
}
