import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Where the agent's socket is: a folder that only its user can enter. */
export interface RunDirectory {
  readonly path: string;
  readonly socketPath: string;
  remove(): Promise<void>;
}

const SOCKET_NAME = 'agent.sock';
// sun_path holds 108 bytes on Linux and 104 on macOS.
const MAX_SOCKET_PATH = 100;
let pipes = 0;

/** Makes the folder, or a short one under the system's temporary folder when none is named or the named one makes too long a socket path. */
export async function createRunDirectory(wanted: string | undefined): Promise<RunDirectory> {
  const fits = wanted !== undefined && join(wanted, SOCKET_NAME).length <= MAX_SOCKET_PATH;
  const path = fits ? wanted : await mkdtemp(join(tmpdir(), 'mlt-'));
  await mkdir(path, { recursive: true, mode: 0o700 });
  await chmod(path, 0o700);
  const socketPath = process.platform === 'win32' ? `\\\\.\\pipe\\mlt-${process.pid}-${++pipes}` : join(path, SOCKET_NAME);
  return { path, socketPath, remove: () => rm(path, { recursive: true, force: true }) };
}
