import type { Backends } from '../backend/index.ts';
import type { Connection } from '../client/connection.ts';
import type { Http2Connection } from '../client/http2.ts';
import type { Resources } from '../resources.ts';
import type { OwnedContext } from './context.ts';
import type { Proxy } from './proxies.ts';

/** One case on one proxy while it runs. */
export interface CaseRun {
  readonly proxy: Proxy;
  readonly context: OwnedContext;
  readonly backends: Backends;
  readonly connections: Map<string, Connection>;
  readonly http2Connections: Map<string, Http2Connection>;
  /** What must be taken away afterwards. */
  readonly pushed: Resources[];
  readonly notes: string[];
  /** How many log lines are due at least. */
  answers: number;
  normalise<T>(value: T): T;
  /** Resolves when every listener that was pushed takes connections. */
  listening(): Promise<void>;
}

/** Closes what steps have left open of HTTP/2. */
export function endOfSteps(run: CaseRun): void {
  for (const { session } of run.http2Connections.values()) session.destroy();
}
