import type { LogSource } from '@meltemi/telemetry';

/** One line of a workload's instance. */
export interface StoredLine {
  readonly timeMs: number;
  readonly source: LogSource;
  readonly text: string;
}

/** Which instance wrote it. */
export interface LogKey {
  readonly namespace: string;
  readonly workload: string;
  readonly instance: string;
}

export interface LogQuery {
  readonly namespace: string;
  readonly workload: string;
  /** Undefined: all instances, merged by time. */
  readonly instance?: string | undefined;
  readonly sources?: readonly LogSource[] | undefined;
  readonly sinceMs?: number | undefined;
  /** The newest of what fits. Default 500. */
  readonly limit?: number | undefined;
}

/** Ring of lines per workload and source. */
export interface LogStore {
  add(key: LogKey, line: StoredLine): void;
  query(query: LogQuery): (StoredLine & { readonly instance: string })[];
  instances(namespace: string, workload: string): string[];
  readonly bytes: number;
}

export interface LogLimits {
  /** Lines of one instance and source. Default 5000. */
  readonly maxLines: number;
  /** Characters of one line; the rest is cut off. Default 16 384. */
  readonly maxLineLength: number;
  /** All lines together, as characters. Default 64 Mi; the instance that wrote longest ago goes first. */
  readonly maxBytes: number;
}

interface Ring {
  readonly key: LogKey;
  readonly source: LogSource;
  lines: StoredLine[];
  bytes: number;
}

export function createLogStore(limits: Partial<LogLimits> = {}): LogStore {
  const maxLines = limits.maxLines ?? 5000;
  const maxLineLength = limits.maxLineLength ?? 16_384;
  const maxBytes = limits.maxBytes ?? 64 * 1024 * 1024;
  // Insertion order is order of the last write: the first is the one to give up.
  const rings = new Map<string, Ring>();
  let bytes = 0;

  function drop(ring: Ring, count: number): void {
    for (const line of ring.lines.splice(0, count)) {
      ring.bytes -= line.text.length;
      bytes -= line.text.length;
    }
  }

  return {
    add(key, line) {
      const id = `${key.namespace} ${key.workload} ${key.instance} ${line.source}`;
      const ring = rings.get(id) ?? { key, source: line.source, lines: [], bytes: 0 };
      rings.delete(id);
      rings.set(id, ring);
      const text = line.text.slice(0, maxLineLength);
      ring.lines.push({ ...line, text });
      ring.bytes += text.length;
      bytes += text.length;
      if (ring.lines.length > maxLines * 1.1) drop(ring, ring.lines.length - maxLines);
      while (bytes > maxBytes) {
        const [oldestId, oldest] = rings.entries().next().value ?? [];
        if (oldest === undefined || oldestId === undefined) break;
        drop(oldest, Math.max(1, oldest.lines.length >> 1));
        if (oldest.lines.length === 0) rings.delete(oldestId);
      }
    },
    query(query) {
      const found: (StoredLine & { instance: string })[] = [];
      for (const ring of rings.values()) {
        const { key } = ring;
        if (key.namespace !== query.namespace || key.workload !== query.workload) continue;
        if (query.instance !== undefined && key.instance !== query.instance) continue;
        if (query.sources !== undefined && !query.sources.includes(ring.source)) continue;
        for (const line of ring.lines) if (line.timeMs >= (query.sinceMs ?? 0)) found.push({ ...line, instance: key.instance });
      }
      return found.toSorted((a, b) => a.timeMs - b.timeMs).slice(-(query.limit ?? 500));
    },
    instances(namespace, workload) {
      const names = [...rings.values()]
        .filter((ring) => ring.key.namespace === namespace && ring.key.workload === workload)
        .map((ring) => ring.key.instance);
      return [...new Set(names)].toSorted();
    },
    get bytes() {
      return bytes;
    },
  };
}
