import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { runTool } from './commands.ts';
import { ownerPid } from './names.ts';
import { removeNamespace } from './workload-namespace.ts';

/** What was removed, by name. */
export interface Leftovers {
  readonly namespaces: readonly string[];
  readonly interfaces: readonly string[];
}

/**
 * Removes what owners that are no longer alive have left: processes in their namespaces, the namespaces, interfaces and bridges. Only
 * names `mlt-<pid>-…` are looked at. A bridge that still has namespaces of the living tied to it stays.
 */
export async function removeLeftovers(): Promise<Leftovers> {
  const namespaces = (await names('/run/netns')).filter(isLeftover);
  for (const name of namespaces) {
    await removeNamespace(name);
  }
  for (const name of (await names('/etc/netns')).filter(isLeftover)) await rm(join('/etc/netns', name), { recursive: true, force: true });
  const interfaces: string[] = [];
  for (const name of (await names('/sys/class/net')).filter(isLeftover)) {
    if ((await names(join('/sys/class/net', name, 'brif'))).some((port) => !isLeftover(port))) continue;
    await runTool('ip', ['link', 'del', name]).then(
      () => interfaces.push(name),
      () => undefined, // went together with its namespace
    );
  }
  return { namespaces, interfaces };
}

function isLeftover(name: string): boolean {
  const pid = ownerPid(name);
  return pid !== undefined && !isAlive(pid);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

async function names(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => []);
}
