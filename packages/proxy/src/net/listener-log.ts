import type { CompiledChain, RuntimeListener } from '@meltemi/runtime';
import { compileLog, type CompiledLog } from '../access-log/compile-log.ts';
import { createStreamInfo } from '../core/stream-info.ts';
import type { Worker } from '../core/worker.ts';
import { flagBit, type ConnectionInfo, type StreamInfo } from '../types.ts';

const NONE: readonly CompiledLog[] = [];
const compiled = new WeakMap<RuntimeListener, readonly CompiledLog[]>();

/** The logs that a listener keeps of its connections. */
function listenerLogs(listener: RuntimeListener): readonly CompiledLog[] {
  const { accessLogs } = listener;
  if (accessLogs === undefined || accessLogs.length === 0) return NONE;
  let logs = compiled.get(listener);
  if (logs === undefined) {
    const capture = { request: [], response: [], trailers: [] };
    compiled.set(listener, (logs = accessLogs.map((log) => compileLog(log, capture))));
  }
  return logs;
}

/** Begins the record of a connection of which nobody else keeps one that says as much; undefined = the listener has no log. */
export function recordConnection(
  worker: Worker,
  listener: RuntimeListener,
  connection: ConnectionInfo,
  chain?: CompiledChain,
): StreamInfo | undefined {
  if (listenerLogs(listener).length === 0) return undefined;
  return createStreamInfo('tcp', { chain: chain ?? chainless(listener), connection }, worker.ports.clock.now(), worker.wheel.now());
}

/** The connection is over. */
export function logConnection(worker: Worker, info: StreamInfo | undefined): void {
  if (info === undefined) return;
  info.endMs = worker.wheel.now();
  logAtListener(worker, info);
}

/** The same record as the protocol's own log has, at the end of a connection. */
export function logAtListener(worker: Worker, info: StreamInfo): void {
  const logs = listenerLogs(info.chain.listener);
  if (logs.length === 0) return;
  info.logType = 'NotSet';
  worker.accessLog.log(logs, info);
}

/** No filter chain is for the connection. */
export function logUnmatched(worker: Worker, listener: RuntimeListener, connection: ConnectionInfo): void {
  const info = recordConnection(worker, listener, connection);
  if (info === undefined) return;
  info.flags |= flagBit('NR');
  info.responseCodeDetails = 'filter_chain_not_found';
  logConnection(worker, info);
}

const stands = new WeakMap<RuntimeListener, CompiledChain>();

/** Records speak of a chain; this one stands for none. */
function chainless(listener: RuntimeListener): CompiledChain {
  let chain = stands.get(listener);
  if (chain === undefined) stands.set(listener, (chain = { config: { name: '#' }, listener } as unknown as CompiledChain));
  return chain;
}
