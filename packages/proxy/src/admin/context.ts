import type { Node } from '@meltemi/protos-types';
import type { MetricRegistry } from '@meltemi/telemetry/recording';
import type { ConfigDump } from '../config/dump.ts';
import type { ConfigState } from '../config/client.ts';
import type { DnsCounts } from '../config/dns-clusters.ts';
import type { EngineOrder, EngineSnapshot } from '../main/engine.ts';
import type { DrainRequest } from '../main/lifecycle.ts';
import type { Taps } from './taps.ts';
import type { LeveledLog } from '../main/ports.ts';

/** What the admin endpoints look into and may ask for. */
export interface AdminContext {
  readonly node: Node;
  readonly version: string;
  /** Traffic threads; at least 1. */
  readonly threads: number;
  /** How often the proxy was exchanged before this one. */
  readonly epoch: number;
  readonly dump: ConfigDump;
  readonly registry: MetricRegistry;
  readonly log: LeveledLog;
  readonly taps: Taps;
  /** Each part's log, by Envoy's name for such a part. */
  readonly loggers: ReadonlyMap<string, LeveledLog>;
  /** Limits that the proxy was started with. */
  readonly runtime: Readonly<Record<string, string>>;
  /** `INITIALIZING` until the first configuration is in force, `DRAINING` once it was asked for. */
  state(): 'INITIALIZING' | 'LIVE' | 'DRAINING';
  configState(): ConfigState;
  /** Of clusters whose hosts are found by names. */
  dnsCounts(): readonly DnsCounts[];
  snapshot(): Promise<EngineSnapshot>;
  /** Brings `registry` up to date. */
  collect(): Promise<void>;
  /** PEM of the secrets in use: certificate chains and trust bundles, never keys. */
  certificates(): readonly { readonly name: string; readonly kind: 'ca' | 'chain'; readonly pem: string }[];
  /** Listeners that could not be bound, with the reason. */
  listenerErrors(): ReadonlyMap<string, string>;
  drain(request: DrainRequest): void;
  quit(): void;
  order(order: EngineOrder): Promise<void>;
  nowMs(): number;
  uptimeMs(): number;
}

export interface AdminRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  /** Of a POST; at most 64 KiB. */
  readonly body: string;
  /** Aborted when the client goes. */
  readonly gone: AbortSignal;
}

export interface AdminResponse {
  readonly status: number;
  readonly type: 'text/plain' | 'text/html' | 'application/json' | 'text/plain; version=0.0.4; charset=utf-8';
  readonly body: string;
  /** Goes on after `body`, piece by piece, until it ends or the client has gone. */
  readonly stream?: AsyncIterable<string>;
}

/** One admin endpoint. `write`: changes something; POST from this machine only. */
export interface AdminEndpoint {
  readonly path: string;
  readonly help: string;
  /** What may stand in the query. */
  readonly params?: Readonly<Record<string, string>>;
  readonly write: boolean;
  handle(context: AdminContext, request: AdminRequest): Promise<AdminResponse> | AdminResponse;
}

export const text = (body: string, status = 200): AdminResponse => ({ status, type: 'text/plain', body });
export const json = (value: unknown, status = 200): AdminResponse => ({
  status,
  type: 'application/json',
  body: `${JSON.stringify(value, undefined, 1)}\n`,
});

/** Envoy's list of commands. */
export function listOf(endpoints: readonly AdminEndpoint[]): string {
  const lines = endpoints.flatMap(({ path, write, help, params = {} }) => [
    `  ${path}${write ? ' (POST)' : ''}: ${help}\n`,
    ...Object.entries(params).map(([name, meaning]) => `      ${name}: ${meaning}\n`),
  ]);
  return `admin commands are:\n${lines.join('')}`;
}
