import { createServer, type Server } from 'node:net';
import { networkInterfaces } from 'node:os';
import { MeshError } from '@meltemi/base';
import type { BridgeNetwork } from './types.ts';

/** Gives out addresses of a kind, each to one owner at a time. */
export interface AddressPool {
  take(): Promise<string>;
  /** Marks an address that somebody has already (after a restart). False: it is not of this pool. */
  claim(address: string): Promise<boolean>;
  free(address: string): void;
  close(): void;
}

/** Takes an address on this machine for ourselves, so that two meshes do not use one. Undefined: somebody has it. */
export type AddressLock = (address: string) => Promise<(() => void) | undefined>;

/** A lock port that nothing else of the mesh uses. */
const LOCK_PORT = 15999;

/** Holds a listening socket on the address: the operating system frees it with the process. */
export const socketLock: AddressLock = (address) =>
  new Promise((resolve, reject) => {
    const server: Server = createServer((socket) => socket.destroy());
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') return resolve(undefined);
      reject(
        new MeshError(
          'join/no-address',
          `${address} cannot be used on this machine (${error.code ?? error.message}). Ports mode needs the addresses 127.0.0.0/8, which Linux and Windows have; on macOS add one with "ifconfig lo0 alias ${address}".`,
          {
            cause: error,
          },
        ),
      );
    });
    server.listen({ host: address, port: LOCK_PORT, exclusive: true }, () => {
      server.unref();
      resolve(() => server.close());
    });
  });

const LOWEST = 2;
const HIGHEST = 254;

/**
 * Ports mode: 127.n.0.1 for the sidecar and 127.n.0.2 for the application, one n for each workload. 127.n.a.b with a > 0 are the virtual addresses of services, as
 * this workload reaches them. Given in turn, as those of a subnet.
 */
export function createLoopbackPool(lock: AddressLock, start: number): AddressPool {
  const held = new Map<string, () => void>();
  const span = HIGHEST - LOWEST + 1;
  let next = start;
  const hold = async (address: string): Promise<boolean> => {
    const release = held.has(address) ? undefined : await lock(address);
    if (release !== undefined) held.set(address, release);
    return release !== undefined;
  };
  return {
    async take() {
      for (let tries = 0; tries < span; tries++) {
        const address = `127.${LOWEST + (next++ % span)}.0.1`;
        if (await hold(address)) return address;
      }
      throw new MeshError(
        'join/no-address',
        `All ${span} loopback networks (127.${LOWEST}.0.0 to 127.${HIGHEST}.0.0) are used by workloads of this machine. Stop some, or use network namespaces.`,
      );
    },
    async claim(address) {
      if (!/^127\.\d+\.0\.1$/.test(address)) return false;
      await hold(address);
      return true;
    },
    free(address) {
      held.get(address)?.();
      held.delete(address);
    },
    close() {
      for (const release of held.values()) release();
      held.clear();
    },
  };
}

/** The application's address beside a sidecar's 127.n.0.1. */
export function loopbackAppAddress(address: string): string {
  return address.replace(/\.1$/, '.2');
}

/** Addresses of a bridge's subnet. */
export interface SubnetPool extends AddressPool {
  /** This was the last one that was given, before a restart; nothing when it is not of this subnet. */
  continueAfter(address: string): void;
}

/**
 * Addresses of a bridge's subnet, in turn: one that was freed is not given again at once, when somebody may still call it. One that this machine has itself
 * is not given: a gateway that was killed left it on the bridge, and calls to it would end here.
 */
export function createSubnetPool(network: BridgeNetwork, ownAddresses: () => ReadonlySet<string> = addressesOfMachine): SubnetPool {
  const size = 2 ** (32 - network.prefixLength);
  const base = Math.floor(toNumber(network.gateway) / size) * size;
  const used = new Set<string>([network.gateway]);
  const after = (offset: number): number => (offset + 1 >= size - 1 ? 2 : offset + 1);
  let next = 2;
  return {
    continueAfter(address) {
      const offset = toNumber(address) - base;
      if (offset > 1 && offset < size - 1) next = after(offset);
    },
    async take() {
      const own = ownAddresses();
      for (let tries = 0; tries < size; tries++) {
        const offset = next;
        next = after(offset);
        const address = toText(base + offset);
        if (used.has(address) || own.has(address)) continue;
        used.add(address);
        return address;
      }
      throw new MeshError(
        'join/no-address',
        `All addresses of ${toText(base)}/${network.prefixLength} are used. Stop some workloads, or start the mesh with a larger network.`,
      );
    },
    async claim(address) {
      const number = toNumber(address);
      if (number <= base || number >= base + size) return false;
      used.add(address);
      return true;
    },
    free: (address) => void used.delete(address),
    close: () => undefined,
  };
}

function addressesOfMachine(): ReadonlySet<string> {
  return new Set(Object.values(networkInterfaces()).flatMap((list) => (list ?? []).map(({ address }) => address)));
}

function toNumber(address: string): number {
  return address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
}

function toText(number: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(number / 2 ** shift) % 256).join('.');
}
