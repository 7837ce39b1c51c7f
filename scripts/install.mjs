// Installs the workspace's packages when they are missing or not those of the lockfile: a fresh clone, a pulled change, an install that
// was interrupted. Plain JavaScript without dependencies, for the Node that npm found.
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Measured with an empty cache on linux-x64 (`npm ci --cache EMPTY`, du); other platforms differ by some MB. */
const SIZE = 'about 260 MB to download, 640 MB on disk; half a minute to some minutes';
const REPORT_MS = 3_000;
const GRACE_MS = 1_500;
const SIGNALS = /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']);

/**
 * True when what is installed is what the lockfile says. npm writes its own record as the last step of an install, so a missing record
 * is an install that never ended.
 * @param {string} root
 */
export function isInstalled(root) {
  const file = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(file)) return false;
  const record = packagesOf(file);
  const present = new Set(Object.entries(record).map(([path, entry]) => `${nameOf(path)}@${entry.version}`));
  return Object.entries(packagesOf(join(root, 'package-lock.json'))).every(([path, entry]) => {
    if (path === '' || entry.link === true || entry.optional === true) return true;
    if (path.includes('node_modules/')) return present.has(`${nameOf(path)}@${entry.version}`);
    // A workspace: whatever it names now must have been linked into it.
    const linked = record[path]?.dependencies ?? {};
    return Object.keys(readJson(join(root, path, 'package.json')).dependencies ?? {}).every((name) => name in linked);
  });
}

/**
 * Runs `npm ci`, telling on stderr what happens. Resolves with npm's exit code; `interrupted` when we were told to stop.
 * @param {string} root
 */
export async function install(root) {
  const started = Date.now();
  console.error(`meltemi: installing its packages from npm first (${SIZE})…`);
  // NODE_ENV=production or an omit in someone's configuration must not leave out the compiler or the Node of this platform.
  const args = ['ci', '--include=dev', '--include=optional', '--no-audit', '--no-fund', '--no-progress', '--loglevel=error'];
  const npm = process.env['npm_execpath'] ?? '';
  const child = /npm-cli\.c?js$/.test(npm)
    ? spawn(process.execPath, [npm, ...args], { cwd: root, stdio: ['ignore', 2, 2] })
    : spawn('npm', args, { cwd: root, stdio: ['ignore', 2, 2], shell: process.platform === 'win32' });
  const report = setInterval(() => tell(root, started), REPORT_MS);
  let interrupted = false;
  const stop = () => {
    interrupted = true;
    child.kill('SIGTERM');
    // npm finishes what it unpacks; it must not go on writing while the next start installs anew.
    setTimeout(() => child.kill('SIGKILL'), GRACE_MS).unref();
  };
  for (const signal of SIGNALS) process.on(signal, stop);
  const code = await new Promise((resolve) => {
    child.once('error', () => resolve(127));
    child.once('exit', (status) => resolve(status ?? 1));
  });
  clearInterval(report);
  for (const signal of SIGNALS) process.off(signal, stop);
  if (code === 0) console.error(`meltemi: installed in ${seconds(started)}`);
  return { code, interrupted };
}

/** @param {string} root @param {number} started */
function tell(root, started) {
  const { done, all } = unpacked(join(root, 'node_modules', '.store'));
  console.error(`meltemi:   ${all === 0 ? 'looking up packages' : `${done} of ${all} packages unpacked`} (${seconds(started)})`);
}

/** Counts the packages of the store that have their package.json. @param {string} store */
function unpacked(store) {
  if (!existsSync(store)) return { done: 0, all: 0 };
  const places = readdirSync(store).flatMap((entry) =>
    entry.startsWith('@') ? readdirSync(join(store, entry)).map((inner) => `${entry}/${inner}`) : [entry],
  );
  const named = places.map((place) => [place, place.slice(0, place.indexOf('@', 1))]);
  return { done: named.filter(([place, name]) => existsSync(join(store, place, 'node_modules', name, 'package.json'))).length, all: places.length };
}

/** @param {string} file @returns {Record<string, { version?: string, optional?: boolean, link?: boolean, dependencies?: object }>} */
const packagesOf = (file) => readJson(file).packages ?? {};

/** @param {string} file */
function readJson(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return {}; // cut off while it was written: as good as none
  }
}

/** `a/node_modules/@s/n` → `@s/n` @param {string} path */
const nameOf = (path) => path.slice(path.lastIndexOf('node_modules/') + 13);
/** @param {number} started */
const seconds = (started) => `${((Date.now() - started) / 1000).toFixed(0)} s`;
