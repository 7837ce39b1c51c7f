import type { Config } from '@meltemi/api';
import type { Identities, TestIdentity } from './identities.ts';

/** Where a backend listens. */
export interface BackendAddress {
  readonly host: string;
  readonly port: number;
}

/** What a case's resources are made of. Each proxy has its own: addresses differ, names do not. */
export interface CaseContext {
  /** Unique in the run: `c017`. */
  readonly id: string;
  /** The proxy's own loopback address, for listeners. */
  readonly address: string;
  /** The access log that the harness reads. */
  readonly logPath: string;
  /** A name of this case only. */
  name(local: string): string;
  /** A listener's port by name; taken at the first call. */
  port(name?: string): number;
  backend(name: string): BackendAddress;
  /** Names of all backends. */
  backends(): readonly string[];
  readonly rootPem: string;
  identity(name: string): TestIdentity;
  /** Told of the objects that the case's resources are made of, where it has any. */
  readonly wrote?: (objects: readonly Config[]) => void;
  /** Hands out a unique path that exists for this proxy only (Unix sockets, files). */
  path(name: string): string;
}

/** Facts that all contexts of one proxy share. */
export interface ProxyPlace {
  readonly address: string;
  readonly folder: string;
  readonly logPath: string;
  readonly identities: Identities;
  nextPort(): number;
}

export interface OwnedContext extends CaseContext {
  readonly ports: ReadonlyMap<string, number>;
  readonly backendAddresses: ReadonlyMap<string, BackendAddress>;
}

export function createContext(id: string, place: ProxyPlace, backendAddresses: ReadonlyMap<string, BackendAddress>): OwnedContext {
  const ports = new Map<string, number>();
  return {
    id,
    address: place.address,
    logPath: place.logPath,
    rootPem: place.identities.rootPem,
    ports,
    backendAddresses,
    name: (local) => `${id}-${local}`,
    port(name = 'main') {
      const port = ports.get(name) ?? place.nextPort();
      ports.set(name, port);
      return port;
    },
    backend(name) {
      const found = backendAddresses.get(name);
      if (found === undefined) throw new Error(`the case has no backend "${name}"`);
      return found;
    },
    backends: () => [...backendAddresses.keys()],
    identity: (name) => place.identities.of(name),
    path: (name) => `${place.folder}/${id}-${name}`,
  };
}
