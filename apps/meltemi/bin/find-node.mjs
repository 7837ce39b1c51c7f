// Finds a Node that can run TypeScript sources as they are. Plain JavaScript: it must run on any Node.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';

/** The oldest version whose type stripping is stable. */
export const MINIMUM = [24, 12];

/** @param {string} version such as "24.21.0" */
export function isNewEnough(version) {
  const [major = 0, minor = 0] = version.replace(/^v/, '').split('.').map(Number);
  return major > MINIMUM[0] || (major === MINIMUM[0] && minor >= MINIMUM[1]);
}

const EXE = process.platform === 'win32' ? 'node.exe' : 'node';
const PLATFORM_PACKAGES = [
  `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`,
  `node-bin-${process.platform}-${process.arch}`,
];

/**
 * The path of a Node that is new enough, looked for in node_modules from `from` upwards, then on PATH.
 * @param {string} from a directory
 * @returns {string | undefined}
 */
export function findNode(from) {
  if (isNewEnough(process.versions.node)) return process.execPath;
  const candidates = [];
  for (let dir = from; ; dir = dirname(dir)) {
    for (const name of PLATFORM_PACKAGES) candidates.push(join(dir, 'node_modules', name, 'bin', EXE));
    candidates.push(join(dir, 'node_modules', '.bin', EXE));
    if (dirname(dir) === dir) break;
  }
  for (const dir of (process.env['PATH'] ?? '').split(delimiter)) if (dir !== '') candidates.push(join(dir, EXE));
  return candidates.find((path) => existsSync(path) && isNewEnough(String(spawnSync(path, ['--version'], { encoding: 'utf8' }).stdout).trim()));
}
