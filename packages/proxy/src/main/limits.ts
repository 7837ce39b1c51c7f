import { DEFAULT_OVERLOAD, type OverloadLimits } from '../core/overload.ts';

const GLOBAL = 'overload.global_downstream_max_connections';
const OF_LISTENER = /^envoy\.resource_limits\.listener\.(.+)\.connection_limit$/;
/** Ours: Envoy has this in its bootstrap (`envoy.resource_monitors.fixed_heap`). */
const MEMORY = 'overload.max_memory_bytes';
/** Ours as well: Envoy would measure the processor (`envoy.resource_monitors.cpu_utilization`). */
const LAG = 'overload.max_loop_lag_ms';

/** Limits out of runtime values, under Envoy's names; what is no whole number is as if it were not there. */
export function limitsOf(runtime: Readonly<Record<string, string>> | undefined): OverloadLimits {
  const listeners = new Map<string, number>();
  for (const [key, text] of Object.entries(runtime ?? {})) {
    const listener = OF_LISTENER.exec(key)?.[1];
    const most = wholeNumber(text);
    if (listener !== undefined && most !== undefined) listeners.set(listener, most);
  }
  return {
    maxConnections: wholeNumber(runtime?.[GLOBAL]) ?? DEFAULT_OVERLOAD.maxConnections,
    listeners,
    maxMemoryBytes: wholeNumber(runtime?.[MEMORY]) ?? constrained(),
    maxLoopLagMs: wholeNumber(runtime?.[LAG]) || Infinity,
  };
}

/** `key=value,key=value`, as the environment of a proxy (`proxyMetadata`) has it. */
export function parseRuntime(text: string | undefined): Readonly<Record<string, string>> {
  const pairs = (text ?? '').split(',').map((pair) => pair.split('='));
  return Object.fromEntries(pairs.flatMap(([key = '', value = '']) => (key.trim() === '' ? [] : [[key.trim(), value.trim()]])));
}

function wholeNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

/** What the system lets this process have; Infinity where it says nothing of use. */
function constrained(): number {
  const bytes = process.constrainedMemory();
  return bytes > 0 && bytes < 2 ** 50 ? bytes : Infinity;
}
