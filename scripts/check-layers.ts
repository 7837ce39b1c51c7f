/**
 * Keeps the table of rooms (DESIGN.md section 3): which package may import which, no relative import that leaves a package, no
 * package that leans on the root's devDependencies, pure packages without Node or clock. Prints each offence with its line.
 */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BANNED_IN_PURE, LAYERS, NEVER } from './layers.ts';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const offences: string[] = [];

for (const manifest of globSync(['packages/*/package.json', 'apps/*/package.json'], { cwd: root })) checkPackage(dirname(manifest));
if (offences.length > 0) {
  console.error(offences.join('\n'));
  console.error(`\n${offences.length} layering offence(s). The table is scripts/layers.ts; the reasons are in ARCHITECTURE.md.`);
  process.exit(1);
}
console.log('layers: ok');

function checkPackage(dir: string): void {
  const manifest = JSON.parse(readFileSync(join(root, dir, 'package.json'), 'utf8')) as Record<string, Record<string, string> | undefined>;
  const name = dir.split('/')[1] ?? '';
  const allowed = LAYERS[name];
  if (allowed === undefined) return void offences.push(`${dir}: not in the table of rooms`);
  const runtime = Object.keys({ ...manifest['dependencies'], ...manifest['optionalDependencies'] });
  for (const dependency of runtime) {
    const room = dependency.startsWith('@meltemi/') ? dependency.slice(9) : undefined;
    if (room !== undefined && allowed.may !== '*' && !allowed.may.includes(room))
      offences.push(`${dir}/package.json: ${name} may not depend on ${dependency}`);
  }
  const known = new Set([...runtime, ...Object.keys(manifest['devDependencies'] ?? {}), ...Object.keys(manifest['peerDependencies'] ?? {})]);
  for (const file of globSync('src/**/*.{ts,tsx}', { cwd: join(root, dir) })) checkFile(dir, file, allowed.pure, known);
}

function checkFile(dir: string, file: string, pure: boolean, known: ReadonlySet<string>): void {
  const path = join(root, dir, file);
  const test = /\.test\.tsx?$|testdata\//.test(file);
  const room = dir.split('/')[1] ?? '';
  for (const [index, line] of readFileSync(path, 'utf8').split('\n').entries()) {
    const at = `${dir}/${file}:${index + 1}`;
    const specifier = /(?:\bfrom\s+|\bimport\s*\(?\s*)['"]([^'"]+)['"]/.exec(line)?.[1];
    if (specifier !== undefined) checkImport(at, specifier, { path, dir, pure: pure && !test, known });
    if (specifier !== undefined && !test) checkNever(at, room, specifier);
    if (pure && !test) checkPurity(at, line);
  }
}

function checkNever(at: string, room: string, specifier: string): void {
  for (const rule of NEVER)
    if (rule.from === room && specifier === `@meltemi/${rule.to}`) offences.push(`${at}: ${rule.from} never imports ${rule.to}: ${rule.why}`);
}

function checkPurity(at: string, line: string): void {
  if (/^\s*(\*|\/\/|\/\*)/.test(line)) return;
  for (const ban of BANNED_IN_PURE) if (ban.pattern.test(line)) offences.push(`${at}: pure package uses ${ban.name}; take it as a port`);
}

function checkImport(at: string, specifier: string, of: { path: string; dir: string; pure: boolean; known: ReadonlySet<string> }): void {
  if (specifier.startsWith('.')) {
    const target = relative(join(root, of.dir), resolve(dirname(of.path), specifier.split('?')[0] ?? specifier));
    if (target.startsWith('..')) offences.push(`${at}: relative import leaves the package: ${specifier}`);
    return;
  }
  if (specifier.startsWith('node:')) {
    if (of.pure) offences.push(`${at}: pure package imports ${specifier}`);
    return;
  }
  const name = specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
  if (!of.known.has(name) && !existsSync(join(root, of.dir, 'src', name))) offences.push(`${at}: "${name}" is not in ${of.dir}/package.json`);
}
