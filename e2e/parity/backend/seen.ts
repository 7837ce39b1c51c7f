import type { ServerTls } from './script.ts';
import type { Identities } from '../harness/identities.ts';

/** A request as a backend saw it; grows until it is complete or its connection ends. */
export interface SeenRequest {
  /** The backend's name. */
  readonly at: string;
  readonly method: string;
  readonly target: string;
  readonly version: string;
  readonly headers: Readonly<Record<string, string>>;
  body: string;
  trailers: Readonly<Record<string, string>>;
  complete: boolean;
  /** Its connection (stream) ended before it was complete or answered. */
  cut: boolean;
}

/** What all backends of one case and proxy tell. */
export interface Journal {
  readonly requests: SeenRequest[];
  /** What collectors took: log entries and spans, one by one. */
  readonly collected: { readonly at: string; readonly item: object }[];
  /** Connections accepted so far, by backend. */
  readonly connections: Map<string, number>;
  /** Resolves when something was noted or the time is over. */
  changed(limitMs: number): Promise<void>;
  /** Something was noted. */
  note(): void;
  openGate(name: string): void;
  /** Resolves when the gate is open. */
  gate(name: string): Promise<void>;
}

/** What a server needs to run a script. */
export interface ServerParts {
  readonly name: string;
  readonly journal: Journal;
  readonly identities: Identities;
}

export function createJournal(): Journal {
  const waiting = new Set<() => void>();
  const gates = new Map<string, PromiseWithResolvers<void>>();
  const gateOf = (name: string): PromiseWithResolvers<void> => {
    const gate = gates.get(name) ?? Promise.withResolvers<void>();
    gates.set(name, gate);
    return gate;
  };
  return {
    requests: [],
    collected: [],
    connections: new Map(),
    note() {
      for (const resolve of waiting) resolve();
      waiting.clear();
    },
    changed(limitMs) {
      return new Promise((resolve) => {
        const timer = setTimeout(resolve, limitMs);
        waiting.add(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    },
    openGate: (name) => gateOf(name).resolve(),
    gate: (name) => gateOf(name).promise,
  };
}

/** Options of `tls.createServer` for a script. */
export function serverTlsOptions({ identity, alpn, mutual = false }: ServerTls, identities: Identities): object {
  const { chain, key } = identities.of(identity);
  return {
    cert: chain,
    key,
    ca: identities.rootPem,
    requestCert: mutual,
    rejectUnauthorized: mutual,
    ...(alpn === undefined ? {} : { ALPNProtocols: [...alpn] }),
  };
}

/** Header pairs with several lines of a name joined by ", ". */
export function joined(pairs: readonly (readonly [string, string])[]): Record<string, string> {
  const record: Record<string, string> = {};
  for (const [name, value] of pairs) record[name] = Object.hasOwn(record, name) ? `${record[name]}, ${value}` : value;
  return record;
}
