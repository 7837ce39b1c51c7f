import type { Log } from '@meltemi/base';

/** More than so many in a while, and the process is not what it should be. */
const MOST = 100;
const WHILE_MS = 10_000;

/**
 * The last net of a thread, for errors outside the handling of a connection's events: a rejection in the asynchronous half of a filter, say.
 * They are logged and do not end everybody's connections; very many in a short time do, and the agent starts the proxy again.
 */
export function guardProcess(log: Log, end: () => void): void {
  let since = 0;
  let count = 0;
  const caught = (error: unknown): void => {
    const now = performance.now();
    if (now - since > WHILE_MS) {
      since = now;
      count = 0;
    }
    log.error('an internal error', { error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    if (++count > MOST) end();
  };
  process.on('uncaughtException', caught);
  process.on('unhandledRejection', caught);
}
