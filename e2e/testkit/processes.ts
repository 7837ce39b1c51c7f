import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** A process of this machine (Linux: read from /proc). */
export interface ProcessInfo {
  readonly pid: number;
  readonly parent: number;
  readonly command: readonly string[];
}

/** Every process below `root`, parents before children. */
export function descendants(root: number): readonly ProcessInfo[] {
  const children = read(`/proc/${root}/task/${root}/children`).split(' ').filter(Boolean).map(Number);
  return children.flatMap((pid) => [{ pid, parent: root, command: read(`/proc/${pid}/cmdline`).split('\0').filter(Boolean) }, ...descendants(pid)]);
}

/** Whether a process runs; one that has ended and that nobody has asked about yet does not. */
export function isAlive(pid: number): boolean {
  const stat = read(`/proc/${pid}/stat`);
  return stat !== '' && !/\) [ZX] /.test(stat);
}

/** The demo's control plane; undefined while it is down. */
export function controlPlaneOf(demo: number): ProcessInfo | undefined {
  return descendants(demo).find(({ command }) => command.includes('control-plane'));
}

/** A proxy process, whose it is, and the folder that its agent made for it. */
export interface ProxyProcess {
  readonly pid: number;
  /** The agent's process, or the one that its agent lives in. */
  readonly parent: number;
  readonly workload: string;
  readonly address: string;
  readonly folder: string;
}

/** The proxies below a demo, of either data plane. */
export function proxiesOf(demo: number): readonly ProxyProcess[] {
  return descendants(demo).flatMap((process) => embeddedProxy(process) ?? envoyProxy(process) ?? []);
}

function embeddedProxy({ pid, parent, command }: ProcessInfo): ProxyProcess | undefined {
  if (!command.includes('proxy-worker')) return undefined;
  const prefix = 'MELTEMI_PROXY_OPTIONS=';
  const line = read(`/proc/${pid}/environ`)
    .split('\0')
    .find((entry) => entry.startsWith(prefix));
  if (line === undefined) return undefined;
  const options = JSON.parse(line.slice(prefix.length)) as { node: { id: string }; agentSocket: string };
  return proxyProcess({ pid, parent }, options.node.id, dirname(options.agentSocket));
}

function envoyProxy({ pid, parent, command }: ProcessInfo): ProxyProcess | undefined {
  const file = command.find((argument) => argument.endsWith('envoy.json'));
  if (file === undefined) return undefined;
  const bootstrap = JSON.parse(read(file) || '{}') as { node?: { id: string } };
  return bootstrap.node === undefined ? undefined : proxyProcess({ pid, parent }, bootstrap.node.id, dirname(file));
}

function proxyProcess(ids: Pick<ProxyProcess, 'pid' | 'parent'>, nodeId: string, folder: string): ProxyProcess {
  const [, address = '', name = ''] = nodeId.split('~');
  return { ...ids, workload: name.slice(0, name.lastIndexOf('.')), address, folder };
}

/** Ends whatever control plane the demo starts, until `release`: a crash loop. */
export function keepControlPlaneDown(demo: number): { release(): void } {
  const end = (): void => {
    const { pid } = controlPlaneOf(demo) ?? {};
    if (pid !== undefined) process.kill(pid, 'SIGKILL');
  };
  end();
  const timer = setInterval(end, 50);
  return { release: () => clearInterval(timer) };
}

/** A regular file with what is in it. */
export interface FoundFile {
  readonly path: string;
  readonly mode: number;
  readonly bytes: Buffer;
}

/** Every regular file below a folder; those that go meanwhile are left out. */
export function filesBelow(folder: string): readonly FoundFile[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true }).flatMap((entry) => {
    if (!entry.isFile()) return [];
    const path = join(entry.parentPath, entry.name);
    try {
      return [{ path, mode: statSync(path).mode & 0o777, bytes: readFileSync(path) }];
    } catch {
      return [];
    }
  });
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // it has ended
  }
}
