import { execFile } from 'node:child_process';
import { closeSync, openSync, readSync } from 'node:fs';
import { promisify } from 'node:util';
import { MeshError } from '@meltemi/base';
import { findProgram } from '../process/find-program.ts';

/** An Envoy that can be used. */
export interface EnvoyBinary {
  readonly path: string;
  /** `1.40.0`. */
  readonly version: string;
}

/** The oldest Envoy that reads what our control plane writes. */
const LEAST: readonly [number, number] = [1, 30];
const TIMEOUT_MS = 20_000;
const run = promisify(execFile);

/**
 * Finds Envoy: the binary that was named, MELTEMI_ENVOY, PATH, Python's `envoy` package. Throws `envoy/not-found`, `envoy/too-old`,
 * `envoy/unusable`. A script on PATH (pip's and pyenv's wrappers) is passed over for the binary behind it: signals must reach Envoy itself.
 */
export async function findEnvoy(named: string | undefined, env: NodeJS.ProcessEnv = process.env): Promise<EnvoyBinary> {
  const wanted = named ?? env['MELTEMI_ENVOY'];
  if (wanted !== undefined && wanted !== '') {
    const path = findProgram(wanted, { path: env['PATH'] });
    if (path === undefined)
      throw new MeshError('envoy/not-found', `There is no Envoy at "${wanted}" (${named === undefined ? 'MELTEMI_ENVOY' : 'as named'}).`);
    return checked(path);
  }
  const onPath = findProgram('envoy', { path: env['PATH'] });
  if (onPath !== undefined && !isScript(onPath)) return checked(onPath);
  const packaged = (await fromPython(env)) ?? onPath;
  if (packaged === undefined)
    throw new MeshError(
      'envoy/not-found',
      'Envoy was not found on PATH, in MELTEMI_ENVOY or as a Python package. Install it (for example "pip install envoy"), or use --data-plane embedded.',
    );
  return checked(packaged);
}

async function checked(path: string): Promise<EnvoyBinary> {
  let said: string;
  try {
    said = (await run(path, ['--version'], { timeout: TIMEOUT_MS })).stdout;
  } catch (cause) {
    throw new MeshError('envoy/unusable', `"${path} --version" failed: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
  const version = /\/(\d+\.\d+\.\d+)(?:-[^/]*)?\//.exec(said)?.[1];
  if (version === undefined) throw new MeshError('envoy/unusable', `"${path} --version" does not look like Envoy's: ${said.trim().slice(0, 200)}`);
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major < LEAST[0] || (major === LEAST[0] && minor < LEAST[1]))
    throw new MeshError('envoy/too-old', `Envoy ${version} at ${path} is too old; ${LEAST.join('.')} or newer is needed.`);
  return { path, version };
}

async function fromPython(env: NodeJS.ProcessEnv): Promise<string | undefined> {
  for (const python of ['python3', 'python']) {
    const path = findProgram(python, { path: env['PATH'] });
    if (path === undefined) continue;
    const script = "import envoy,os;print(os.path.join(os.path.dirname(envoy.__file__),'_bin','envoy'))";
    const found = await run(path, ['-c', script], { env, timeout: TIMEOUT_MS }).then(
      ({ stdout }) => findProgram(stdout.trim()),
      () => undefined,
    );
    if (found !== undefined) return found;
  }
  return undefined;
}

function isScript(path: string): boolean {
  const head = Buffer.alloc(2);
  const file = openSync(path, 'r');
  try {
    readSync(file, head, 0, 2, 0);
  } finally {
    closeSync(file);
  }
  return head.toString('latin1') === '#!';
}
