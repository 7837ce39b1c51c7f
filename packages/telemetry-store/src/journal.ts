import { join } from 'node:path';
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import type { Labels } from '@meltemi/telemetry';
import type { MetricStore, StoredSeries, Target } from './metric-store.ts';
import { createSegmentWriter, listSegments, pruneSegments, readSegment, type SegmentWriter } from './segment-file.ts';
import type { StoredSpan, TraceStore } from './trace-store.ts';

/** A new value of a series. */
export type Change = readonly [series: StoredSeries, value: number];

/** What survives a restart, written beside the memory. All bounded: files are cut into segments, the oldest are removed. */
export interface Journal {
  tick(target: Target, timeMs: number, changes: readonly Change[]): void;
  ended(target: Target, series: readonly StoredSeries[]): void;
  spans(spans: readonly StoredSpan[]): void;
  /** Hands everything to the operating system; call it once a second. */
  flush(nowMs: number): void;
  close(): void;
  readonly bytes: number;
}

export interface JournalOptions {
  readonly folder: string;
  /** All metric segments together. Default 64 MiB: what one replays in under a second. */
  readonly maxMetricBytes?: number;
  /** All trace segments together, compressed. Default 8 MiB. */
  readonly maxTraceBytes?: number;
  /** Segments older than this are removed. */
  readonly maxAgeMs: number;
}

const DEFINE = 1;
const TICK = 2;
const SNAPSHOT = 3;
const ENDED = 4;
const SPANS = 5;
/** A folder is cut into about this many segments. */
const SEGMENTS = 8;

interface Definitions {
  readonly targets: { readonly id: number; readonly labels: Labels }[];
  readonly series: { readonly id: number; readonly target: number; readonly labels: Labels }[];
}

/** Reads what is there into the stores, then opens new segments for what comes. Throws MeshError `telemetry-store/format` for files of a newer version. */
export function openJournal(options: JournalOptions, metrics: MetricStore, traces: TraceStore): Journal {
  return new SegmentedJournal(options, metrics, traces);
}

class SegmentedJournal implements Journal {
  readonly #metrics: MetricStore;
  readonly #maxAgeMs: number;
  readonly #metricFiles: SegmentFolder;
  readonly #traceFiles: SegmentFolder;
  #targetIds = new Map<Target, number>();
  #seriesIds = new Map<StoredSeries, number>();
  /** A write failed: what follows in that segment could not be read. */
  #isTorn = false;

  constructor(options: JournalOptions, metrics: MetricStore, traces: TraceStore) {
    this.#metrics = metrics;
    this.#maxAgeMs = options.maxAgeMs;
    this.#metricFiles = openFolder(join(options.folder, 'metrics'), options.maxMetricBytes ?? 64 * 1024 * 1024, (records) =>
      replayMetrics(records, metrics),
    );
    this.#traceFiles = openFolder(join(options.folder, 'traces'), options.maxTraceBytes ?? 8 * 1024 * 1024, (records) =>
      replaySpans(records, traces),
    );
  }

  get bytes(): number {
    return this.#metricFiles.writer.bytes + this.#traceFiles.writer.bytes;
  }

  tick(target: Target, timeMs: number, changes: readonly Change[]): void {
    this.#write(TICK, target, timeMs, changes);
  }

  ended(target: Target, series: readonly StoredSeries[]): void {
    const id = this.#define(target, series);
    const payload = Buffer.alloc(5 + series.length * 4);
    payload.writeUInt8(ENDED, 0);
    payload.writeUInt32LE(id, 1);
    for (const [i, one] of series.entries()) payload.writeUInt32LE(this.#seriesIds.get(one) ?? 0, 5 + i * 4);
    this.#metricFiles.writer.append(payload);
  }

  spans(spans: readonly StoredSpan[]): void {
    if (spans.length > 0) this.#traceFiles.writer.append(json(SPANS, spans));
  }

  flush(nowMs: number): void {
    const { writer } = this.#metricFiles;
    const wasTorn = this.#isTorn;
    this.#isTorn = true;
    writer.flush();
    this.#traceFiles.writer.flush();
    if (wasTorn || isFull(this.#metricFiles)) {
      this.#rotateMetrics();
      this.#prune(this.#metricFiles, nowMs);
    }
    if (wasTorn || isFull(this.#traceFiles)) {
      this.#traceFiles.writer.rotate();
      this.#prune(this.#traceFiles, nowMs);
    }
    this.#isTorn = false;
  }

  close(): void {
    this.#metricFiles.writer.close();
    this.#traceFiles.writer.close();
  }

  #prune({ path, maxBytes }: SegmentFolder, nowMs: number): void {
    pruneSegments(path, maxBytes, nowMs - this.#maxAgeMs, Infinity);
  }

  /** Describes what the segment does not know yet. Answers the target's number in it. */
  #define(target: Target, series: readonly StoredSeries[]): number {
    const fresh: Definitions = { targets: [], series: [] };
    let id = this.#targetIds.get(target);
    if (id === undefined) {
      id = this.#targetIds.size + 1;
      this.#targetIds.set(target, id);
      fresh.targets.push({ id, labels: target.labels });
    }
    for (const one of series) {
      if (this.#seriesIds.has(one)) continue;
      this.#seriesIds.set(one, this.#seriesIds.size + 1);
      fresh.series.push({ id: this.#seriesIds.size, target: id, labels: one.labels });
    }
    if (fresh.targets.length + fresh.series.length > 0) this.#metricFiles.writer.append(json(DEFINE, fresh));
    return id;
  }

  #write(type: number, target: Target, timeMs: number, changes: readonly Change[]): void {
    const id = this.#define(
      target,
      changes.map(([series]) => series),
    );
    const payload = Buffer.alloc(13 + changes.length * 12);
    payload.writeUInt8(type, 0);
    payload.writeUInt32LE(id, 1);
    payload.writeDoubleLE(timeMs, 5);
    let at = 13;
    for (const [series, value] of changes) {
      payload.writeUInt32LE(this.#seriesIds.get(series) ?? 0, at);
      payload.writeDoubleLE(value, at + 4);
      at += 12;
    }
    this.#metricFiles.writer.append(payload);
  }

  /** A new segment begins with everything that is alive, so that it can be read without those before it. */
  #rotateMetrics(): void {
    this.#metricFiles.writer.rotate();
    this.#targetIds = new Map();
    this.#seriesIds = new Map();
    for (const target of this.#metrics.targets()) {
      const timeMs = target.raw.lastTimeMs;
      if (timeMs === undefined) continue;
      const alive = [...target.series.values()].filter((series) => series.end === undefined);
      this.#write(
        SNAPSHOT,
        target,
        timeMs,
        alive.map((series) => [series, series.raw.lastValue ?? 0]),
      );
    }
  }
}

/** A folder of segments and the one that is written. */
interface SegmentFolder {
  readonly path: string;
  readonly maxBytes: number;
  readonly writer: SegmentWriter;
}

function isFull({ writer, maxBytes }: SegmentFolder): boolean {
  return writer.bytes > maxBytes / SEGMENTS;
}

function openFolder(path: string, maxBytes: number, replay: (records: readonly Uint8Array[]) => void): SegmentFolder {
  pruneSegments(path, maxBytes, 0, Infinity);
  const segments = listSegments(path);
  for (const segment of segments) replay(readSegment(segment.path));
  return { path, maxBytes, writer: createSegmentWriter(path, (segments.at(-1)?.number ?? 0) + 1) };
}

function json(type: number, value: unknown): Uint8Array {
  return Buffer.concat([Buffer.of(type), deflateRawSync(JSON.stringify(value), { level: 1 })]);
}

function parse<T>(record: Uint8Array): T {
  return JSON.parse(inflateRawSync(record.subarray(1), { maxOutputLength: 256 * 1024 * 1024 }).toString()) as T;
}

function replaySpans(records: readonly Uint8Array[], traces: TraceStore): void {
  for (const record of records) if (record[0] === SPANS) for (const span of parse<StoredSpan[]>(record)) traces.add(span);
}

/** Ids are those of the segment. */
function replayMetrics(records: readonly Uint8Array[], metrics: MetricStore): void {
  const targets = new Map<number, Target>();
  const series = new Map<number, StoredSeries>();
  for (const bytes of records) {
    if (bytes[0] === DEFINE) {
      const fresh = parse<Definitions>(bytes);
      for (const one of fresh.targets) targets.set(one.id, metrics.target(one.labels));
      for (const one of fresh.series) {
        const target = targets.get(one.target);
        const made = target === undefined ? undefined : metrics.series(target, one.labels);
        if (made !== undefined) series.set(one.id, made);
      }
      continue;
    }
    const record = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const target = targets.get(record.readUInt32LE(1));
    if (target === undefined) continue;
    if (record[0] === ENDED) {
      for (let at = 5; at + 4 <= record.length; at += 4) {
        const one = series.get(record.readUInt32LE(at));
        if (one !== undefined && target.raw.next > target.raw.first) metrics.end(one, target.raw.next - 1);
      }
      continue;
    }
    replayTick(record, target, series, metrics);
  }
}

function replayTick(record: Buffer, target: Target, series: Map<number, StoredSeries>, metrics: MetricStore): void {
  const timeMs = record.readDoubleLE(5);
  const last = target.raw.lastTimeMs;
  const isKnown = last !== undefined && timeMs <= last;
  if (isKnown && record[0] === TICK) return;
  const tick = isKnown ? target.raw.next - 1 : metrics.tick(target, timeMs);
  for (let at = 13; at + 12 <= record.length; at += 12) {
    const one = series.get(record.readUInt32LE(at));
    // A snapshot repeats what the segment before it said; only what that one lacks is taken.
    if (one === undefined || (isKnown && one.raw.length > 0)) continue;
    metrics.set(one, tick, record.readDoubleLE(at + 4));
  }
}
