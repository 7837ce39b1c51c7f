/**
 * `npm test`: the rings of STYLE.md section 2, each with its time. `--full` adds what is long; a path or ring name as argument runs
 * only that. Ends with one line "N passed, N failed, N skipped".
 */
import { spawn } from 'node:child_process';
import { globSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { check } from './check.ts';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

interface Ring {
  readonly name: string;
  readonly files: readonly string[];
  readonly args?: readonly string[];
  readonly full?: boolean;
}

const PURE = 'base,protos-types,wire,match,api,xds,pki,telemetry,model,runtime,translate,explain,analysis,console-api';
const RINGS: readonly Ring[] = [
  { name: 'unit (pure rooms)', files: [`packages/{${PURE}}/src/**/*.test.ts`], args: ['--test-isolation=none'] },
  {
    name: 'unit (rooms with sockets)',
    files: [
      'packages/{protos,grpc,http,dns,telemetry-store,registry,agent,proxy,control-plane}/src/**/*.test.ts',
      'apps/{meltemi,bookinfo,console}/src/**/*.test.ts',
    ],
    args: ['--test-concurrency=2'],
  },
  // One file at a time: each starts up to forty processes and measures times; two of them would only wait for each other on two cores.
  { name: 'e2e', files: ['e2e/{loopback,netns,parity,interop,browser,guides}/**/*.test.ts'], args: ['--test-concurrency=1'] },
  { name: 'long', files: ['e2e/long/**/*.test.ts'], args: ['--test-concurrency=1'], full: true },
];

const totals = { pass: 0, fail: 0, skipped: 0 };
const argument = process.argv.slice(2).find((arg) => !arg.startsWith('-'));
const full = process.argv.includes('--full');
const times: string[] = [];
/** What node:test says of failed tests, told again at the very end: the place in a long log where one looks. */
const failures: string[] = [];

if (argument === undefined) {
  const started = performance.now();
  totals.fail += check().length;
  times.push(line('check (format, lint, types, layers, dead code)', started));
}
for (const ring of RINGS) {
  if (ring.full === true && !full) continue;
  const files = globSync(ring.files as string[], { cwd: root }).filter(
    (file) => argument === undefined || file.includes(argument) || ring.name.startsWith(argument),
  );
  if (files.length === 0) continue;
  const started = performance.now();
  await runRing(ring, files);
  times.push(line(ring.name, started));
}
console.log(`\nTime of each ring:\n${times.join('\n')}\n`);
if (failures.length > 0) console.log(`Failed:\n${failures.join('\n')}\n`);
console.log(`${totals.pass} passed, ${totals.fail} failed, ${totals.skipped} skipped`);
process.exit(totals.fail === 0 && totals.pass > 0 ? 0 : 1);

function line(name: string, started: number): string {
  return `  ${name.padEnd(50)} ${((performance.now() - started) / 1000).toFixed(1).padStart(7)} s`;
}

/** Runs the files under node:test and adds up its closing figures. A runner that dies without figures counts as one failure. */
async function runRing(ring: Ring, files: readonly string[]): Promise<void> {
  console.log(`\n== ${ring.name}: ${files.length} files`);
  const child = spawn(process.execPath, ['--test', '--test-timeout=300000', ...(ring.args ?? []), ...files.map((file) => join(root, file))], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.setEncoding('utf8');
  child.stdout.on('data', (text: string) => {
    output += text;
    process.stdout.write(text);
  });
  const code = await new Promise<number>((resolve) => child.on('close', (status) => resolve(status ?? 1)));
  const figure = (name: string): number => Number(new RegExp(`^ℹ ${name} (\\d+)$`, 'm').exec(output)?.[1] ?? 0);
  const failed = output.indexOf('✖ failing tests:');
  if (failed !== -1) failures.push(`== ${ring.name}\n${output.slice(failed, failed + 20_000)}`);
  totals.pass += figure('pass');
  totals.skipped += figure('skipped');
  totals.fail += figure('fail') + figure('cancelled') + (code !== 0 && figure('fail') + figure('cancelled') === 0 ? 1 : 0);
}
