import { networkInterfaces } from 'node:os';
import { MeshError } from '@meltemi/base';
import type { BridgeNetwork } from '../../types.ts';
import { forgetNeighboursSoon, ipBatch, runTool } from './commands.ts';
import { bridgeName, linkAddress } from './names.ts';

const PREFIX_LENGTH = 20;
const SLICES = 16;
const SECOND_OCTETS = [209, 210, 211, 212];

/** A bridge made by this process; workloads of other processes may be tied to it too. */
export interface OwnedBridge {
  readonly network: BridgeNetwork;
  /** Removes it. Idempotent. */
  close(): Promise<void>;
}

/**
 * Makes the bridge that workload namespaces are tied to, in a subnet of 10/8 that no interface of the host uses: called once by whoever
 * starts the control plane, which gives out addresses of it. Nothing else of the host changes. Throws `netns/…`.
 */
export async function createBridge(pid: number = process.pid): Promise<OwnedBridge> {
  const bridge = bridgeName(pid);
  const base = freeSubnet(pid);
  const gateway = `${base}1`;
  await ipBatch([
    `link add ${bridge} address ${linkAddress(gateway)} type bridge`,
    `addr add ${gateway}/${PREFIX_LENGTH} dev ${bridge}`,
    `link set ${bridge} up`,
  ]);
  await forgetNeighboursSoon(bridge);
  let closing: Promise<void> | undefined;
  return {
    network: { bridge, gateway, prefixLength: PREFIX_LENGTH },
    close: () => (closing ??= runTool('ip', ['link', 'del', bridge]).then(() => undefined)),
  };
}

/** `10.209.16.` of the first free /20; the search starts at a place that depends on the pid, so that two meshes rarely want the same. */
function freeSubnet(pid: number): string {
  const used = Object.values(networkInterfaces()).flatMap((list) =>
    (list ?? []).flatMap((entry) => (entry.family === 'IPv4' ? [entry.address] : [])),
  );
  const candidates = SECOND_OCTETS.flatMap((second) => Array.from({ length: SLICES }, (_, slice) => ({ second, third: slice * (256 / SLICES) })));
  for (let i = 0; i < candidates.length; i++) {
    const { second = 0, third = 0 } = candidates[(pid + i) % candidates.length] ?? {};
    const taken = used.some((address) => {
      const [first, b, c] = address.split('.').map(Number);
      return first === 10 && b === second && c !== undefined && c >= third && c < third + 256 / SLICES;
    });
    if (!taken) return `10.${second}.${third}.`;
  }
  throw new MeshError(
    'netns/no-subnet',
    `All ${candidates.length} subnets that meshes of this machine may use are taken; end one of the others, or use --interception ports.`,
  );
}

/** Gives a gateway an address of its own on the bridge, so that its connections name it. Returns the way to take it back. */
export async function addBridgeAddress(network: BridgeNetwork, address: string): Promise<() => Promise<void>> {
  await runTool('ip', ['addr', 'add', `${address}/32`, 'dev', network.bridge]);
  return async () => {
    // Gone already when the bridge went first.
    await runTool('ip', ['addr', 'del', `${address}/32`, 'dev', network.bridge]).catch(() => undefined);
  };
}
