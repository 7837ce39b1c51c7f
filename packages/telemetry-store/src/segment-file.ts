import { closeSync, fstatSync, ftruncateSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { MeshError } from '@meltemi/base';

/** Format of the files; a newer one is refused. */
const SEGMENT_FORMAT = 1;
const MAGIC = Buffer.from('MLTMSEG\0');
const HEADER_BYTES = 12;
const RECORD_HEADER_BYTES = 8;
const MAX_RECORD_BYTES = 16 * 1024 * 1024;

/** Appends records to numbered files of a folder. A record is on its way to the disk when `flush` returns (it survives the process, not a power cut). */
export interface SegmentWriter {
  append(payload: Uint8Array): void;
  flush(): void;
  /** Ends the file; the next record begins a new one. */
  rotate(): void;
  /** Bytes in the current file, written or not. */
  readonly bytes: number;
  close(): void;
}

/** A file of the folder, oldest first. */
export interface SegmentInfo {
  readonly path: string;
  readonly number: number;
  readonly bytes: number;
}

export function listSegments(folder: string): SegmentInfo[] {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return readdirSync(folder)
    .flatMap((name) => {
      const number = /^(\d{8})\.seg$/.exec(name)?.[1];
      if (number === undefined) return [];
      const path = join(folder, name);
      return [{ path, number: Number(number), bytes: statSync(path).size }];
    })
    .toSorted((a, b) => a.number - b.number);
}

/**
 * The whole records of a file. A tail that was torn by a crash ends it silently; so does a record whose check sum is wrong. Throws
 * MeshError `telemetry-store/format` for a file of a newer version.
 */
export function readSegment(path: string): Uint8Array[] {
  const bytes = readFileSync(path);
  if (bytes.length < HEADER_BYTES || !bytes.subarray(0, MAGIC.length).equals(MAGIC)) return [];
  const format = bytes.readUInt32LE(MAGIC.length);
  if (format > SEGMENT_FORMAT) {
    throw new MeshError(
      'telemetry-store/format',
      `${path} has format ${format}, this version reads up to ${SEGMENT_FORMAT}. It was written by a newer version: use that one, or move the folder away.`,
    );
  }
  const records: Uint8Array[] = [];
  for (let at = HEADER_BYTES; at + RECORD_HEADER_BYTES <= bytes.length;) {
    const length = bytes.readUInt32LE(at);
    const end = at + RECORD_HEADER_BYTES + length;
    if (length > MAX_RECORD_BYTES || end > bytes.length) break;
    const payload = bytes.subarray(at + RECORD_HEADER_BYTES, end);
    if (crc32(payload) !== bytes.readUInt32LE(at + 4)) break;
    records.push(payload);
    at = end;
  }
  return records;
}

export function createSegmentWriter(folder: string, firstNumber: number): SegmentWriter {
  let number = firstNumber;
  let fd: number | undefined;
  let bytes = 0;
  let pending: Uint8Array[] = [];

  function open(): number {
    if (fd !== undefined) return fd;
    fd = openSync(join(folder, `${String(number).padStart(8, '0')}.seg`), 'a', 0o600);
    if (fstatSync(fd).size > 0) ftruncateSync(fd, 0);
    const header = Buffer.alloc(HEADER_BYTES);
    MAGIC.copy(header);
    header.writeUInt32LE(SEGMENT_FORMAT, MAGIC.length);
    writeSync(fd, header);
    bytes += HEADER_BYTES;
    return fd;
  }

  function flush(): void {
    if (pending.length === 0) return;
    const all = Buffer.concat(pending);
    pending = [];
    const file = open();
    for (let at = 0; at < all.length;) at += writeSync(file, all, at);
  }

  function rotate(): void {
    flush();
    if (fd !== undefined) closeSync(fd);
    fd = undefined;
    bytes = 0;
    number++;
  }

  return {
    append(payload) {
      const header = Buffer.alloc(RECORD_HEADER_BYTES);
      header.writeUInt32LE(payload.length, 0);
      header.writeUInt32LE(crc32(payload), 4);
      pending.push(header, payload);
      bytes += RECORD_HEADER_BYTES + payload.length;
    },
    flush,
    rotate,
    get bytes() {
      return bytes;
    },
    close() {
      flush();
      if (fd !== undefined) closeSync(fd);
      fd = undefined;
    },
  };
}

/** Removes the oldest files until what is left is at most `maxBytes`, and those last written before `oldestMs`. */
export function pruneSegments(folder: string, maxBytes: number, oldestMs: number, keepFrom: number): void {
  const segments = listSegments(folder);
  let total = segments.reduce((sum, one) => sum + one.bytes, 0);
  for (const one of segments) {
    if (one.number >= keepFrom) break;
    if (total <= maxBytes && statSync(one.path).mtimeMs >= oldestMs) break;
    rmSync(one.path, { force: true });
    total -= one.bytes;
  }
}
