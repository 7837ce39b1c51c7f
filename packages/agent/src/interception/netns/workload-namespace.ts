import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { MeshError } from '@meltemi/base';
import type { BridgeNetwork } from '../../types.ts';
import { forgetNeighboursSoon, ipBatch, runTool } from './commands.ts';
import { hostInterfaceName, linkAddress, namespaceName } from './names.ts';
import { nameServiceSwitch, resolvConf } from './resolver-files.ts';
import { redirectRules } from './rules.ts';

/** Name of the interface inside the namespace. */
const INNER_INTERFACE = 'eth0';
/** `ip netns exec` lays the files of this folder over /etc. */
const ETC_NETNS = '/etc/netns';

export interface NamespaceOptions {
  readonly network: BridgeNetwork;
  readonly address: string;
  readonly workload: string;
  /** Mesh namespace, for the search list of its resolver. */
  readonly meshNamespace: string;
  readonly pid?: number;
}

/** A workload's own network namespace, tied to the bridge, with redirection in force. */
export interface WorkloadNamespace {
  readonly name: string;
  /** Command line that runs `command` inside. */
  readonly wrap: (command: readonly string[]) => string[];
  /** Ends what still runs inside and removes everything that was made. Idempotent. */
  close(): Promise<void>;
  /**
   * Ends what runs inside now, and removes the rest after `lingerMs`, or with this process. Until then its kernel refuses calls at once: of a workload that
   * ended unexpectedly the others do not know yet, and to an address that nobody has they would wait for seconds.
   */
  abandon(lingerMs: number): Promise<void>;
}

let counter = 0;

/** Makes the namespace of one workload; on failure nothing is left. Throws `netns/command-failed`. */
export async function createWorkloadNamespace(options: NamespaceOptions): Promise<WorkloadNamespace> {
  const pid = options.pid ?? process.pid;
  const index = counter++;
  const name = namespaceName(pid, index, options.workload);
  const outer = hostInterfaceName(pid, index);
  const { bridge, gateway, prefixLength } = options.network;
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => (closing ??= removeNamespace(name, outer));
  try {
    await writeFiles(name, options);
    await ipBatch([
      `netns add ${name}`,
      `link add ${outer} type veth peer name ${INNER_INTERFACE} address ${linkAddress(options.address)} netns ${name}`,
      `link set ${outer} master ${bridge} up`,
    ]);
    await ipInside(name, [
      `link set lo up`,
      `addr add ${options.address}/${prefixLength} dev ${INNER_INTERFACE}`,
      `link set ${INNER_INTERFACE} up`,
      `route add default via ${gateway}`,
    ]);
    const rules = redirectRules({ interfaceName: INNER_INTERFACE, controlPlane: gateway });
    await Promise.all([runTool('ip', ['netns', 'exec', name, 'nft', '-f', '-'], rules), forgetNeighboursSoon(INNER_INTERFACE, name)]);
  } catch (error) {
    await close();
    throw MeshError.from(error, 'netns/command-failed');
  }
  const abandon = async (lingerMs: number): Promise<void> => {
    await endProcessesIn(name);
    const atExit = (): void => removeAtExit(name, outer);
    process.once('exit', atExit);
    const later = (): void => void close().finally(() => process.off('exit', atExit));
    setTimeout(later, lingerMs).unref();
  };
  return { name, close, abandon, wrap: (command) => ['ip', 'netns', 'exec', name, ...command] };
}

/** There is no time to wait any more. */
function removeAtExit(name: string, outer: string): void {
  for (const args of [
    ['link', 'del', outer],
    ['netns', 'del', name],
  ])
    spawnSync('ip', args, { stdio: 'ignore' });
  rmSync(join(ETC_NETNS, name), { recursive: true, force: true });
}

/** Ends what runs in a namespace of ours and deletes it with its interfaces and files; what is gone already is no error. */
export async function removeNamespace(name: string, outer?: string): Promise<void> {
  // As long as there is a link: else nobody outside would learn that their connections have ended.
  await endProcessesIn(name);
  // The kernel takes the interfaces away some time after the namespace: deleting the host's end takes both at once.
  if (outer !== undefined) await runTool('ip', ['link', 'del', outer]).catch(() => undefined);
  await runTool('ip', ['netns', 'del', name]).catch(() => undefined);
  await rm(join(ETC_NETNS, name), { recursive: true, force: true });
}

/** So long do processes that were killed take at most; one that the kernel holds is not waited for. */
const END_LIMIT_MS = 2000;
const LOOK_EVERY_MS = 5;

/** What an application started may outlive it and its agent: without end, and without a network. */
async function endProcessesIn(namespace: string): Promise<void> {
  for (const until = performance.now() + END_LIMIT_MS; performance.now() < until;) {
    const said = await runTool('ip', ['netns', 'pids', namespace]).catch(() => '');
    const pids = said
      .split('\n')
      .map(Number)
      .filter((pid) => pid > 1 && pid !== process.pid);
    if (pids.length === 0) return;
    for (const pid of pids) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // ended by itself
      }
    }
    await delay(LOOK_EVERY_MS);
  }
}

async function writeFiles(name: string, { network, meshNamespace }: NamespaceOptions): Promise<void> {
  const folder = join(ETC_NETNS, name);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'resolv.conf'), resolvConf(network.gateway, meshNamespace));
  const lookup = nameServiceSwitch(await readFile('/etc/nsswitch.conf', 'utf8').catch(() => ''));
  if (lookup !== undefined) await writeFile(join(folder, 'nsswitch.conf'), lookup);
}

async function ipInside(name: string, lines: readonly string[]): Promise<void> {
  await runTool('ip', ['-n', name, '-batch', '-'], `${lines.join('\n')}\n`);
}
