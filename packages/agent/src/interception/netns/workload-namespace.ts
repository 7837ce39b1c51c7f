import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MeshError } from '@meltemi/base';
import type { BridgeNetwork } from '../../types.ts';
import { ipBatch, runTool } from './commands.ts';
import { hostInterfaceName, linkAddress, namespaceName } from './names.ts';
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
  /** Removes everything that was made. Idempotent; processes inside must have ended. */
  close(): Promise<void>;
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
    await mkdir(join(ETC_NETNS, name), { recursive: true });
    await writeFile(join(ETC_NETNS, name, 'resolv.conf'), resolvConf(gateway, options.meshNamespace));
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
    await runTool('ip', ['netns', 'exec', name, 'nft', '-f', '-'], redirectRules({ interfaceName: INNER_INTERFACE, controlPlane: gateway }));
  } catch (error) {
    await close();
    throw MeshError.from(error, 'netns/command-failed');
  }
  return { name, close, wrap: (command) => ['ip', 'netns', 'exec', name, ...command] };
}

/** Deletes a namespace of ours with its interfaces and files; what is gone already is no error. */
export async function removeNamespace(name: string, outer?: string): Promise<void> {
  // The kernel takes the interfaces away some time after the namespace: deleting the host's end takes both at once.
  if (outer !== undefined) await runTool('ip', ['link', 'del', outer]).catch(() => undefined);
  await runTool('ip', ['netns', 'del', name]).catch(() => undefined);
  await rm(join(ETC_NETNS, name), { recursive: true, force: true });
}

async function ipInside(name: string, lines: readonly string[]): Promise<void> {
  await runTool('ip', ['-n', name, '-batch', '-'], `${lines.join('\n')}\n`);
}

function resolvConf(gateway: string, meshNamespace: string): string {
  return `# Made by meltemi. All lookups go to the agent of this workload, whatever address stands here.
nameserver ${gateway}
search ${meshNamespace}.svc.cluster.local svc.cluster.local cluster.local
options ndots:5 timeout:2
`;
}
