import type { AccessLog, FilterChain, RuntimeListener } from '@meltemi/runtime';
import type { ReadResource } from './resources.ts';

/** Returns why a file cannot be written; undefined when it can. */
export type OpenFile = (path: string) => string | undefined;

/** A listener whose log has nowhere to go is refused, as by Envoy: else traffic would go by that nobody will ever read of. */
export function refuseUnwritable(read: readonly ReadResource[], open: OpenFile): readonly ReadResource[] {
  return read.map((item) => {
    if (item.result.t === 'bad') return item;
    for (const path of new Set(logFilesOf(item.result.value as RuntimeListener))) {
      const reason = open(path);
      if (reason === undefined) continue;
      const message = `${item.name}: the access log "${path}" cannot be opened: ${reason}; its folder must be there, and be writable for the proxy`;
      return { ...item, result: { t: 'bad', message } };
    }
    return item;
  });
}

function* logFilesOf({ accessLogs = [], filterChains, defaultFilterChain }: RuntimeListener): Generator<string> {
  yield* filesOf(accessLogs);
  for (const chain of filterChains) yield* filesOf(logsOf(chain));
  if (defaultFilterChain !== undefined) yield* filesOf(logsOf(defaultFilterChain));
}

function logsOf({ terminal }: FilterChain): readonly AccessLog[] {
  return terminal.t === 'http' ? terminal.http.accessLogs : terminal.tcp.accessLogs;
}

function* filesOf(logs: readonly AccessLog[]): Generator<string> {
  for (const log of logs) if (log.t === 'file') yield log.path;
}
