import type { Node } from '@meltemi/protos-types';
import type { MetricRegistry } from '@meltemi/telemetry/recording';
import type { ConfigDump } from '../config/dump.ts';
import type { ConfigState } from '../config/client.ts';
import type { EngineOrder, EngineSnapshot } from '../main/engine.ts';
import type { DrainRequest } from '../main/lifecycle.ts';
import type { LeveledLog } from '../main/ports.ts';

/** What the admin endpoints look into and may ask for. */
export interface AdminContext {
  readonly node: Node;
  readonly version: string;
  /** How often the proxy was exchanged before this one. */
  readonly epoch: number;
  readonly dump: ConfigDump;
  readonly registry: MetricRegistry;
  readonly log: LeveledLog;
  /** `INITIALIZING` until the first configuration is in force, `DRAINING` once it was asked for. */
  state(): 'INITIALIZING' | 'LIVE' | 'DRAINING';
  configState(): ConfigState;
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
}

export interface AdminResponse {
  readonly status: number;
  readonly type: 'text/plain' | 'application/json' | 'text/plain; version=0.0.4; charset=utf-8';
  readonly body: string;
}

/** One admin endpoint. `write`: changes something; POST from this machine only. */
export interface AdminEndpoint {
  readonly path: string;
  readonly help: string;
  readonly write: boolean;
  handle(context: AdminContext, request: AdminRequest): Promise<AdminResponse> | AdminResponse;
}

export const text = (body: string, status = 200): AdminResponse => ({ status, type: 'text/plain', body });
export const json = (value: unknown, status = 200): AdminResponse => ({
  status,
  type: 'application/json',
  body: `${JSON.stringify(value, undefined, 1)}\n`,
});
