import type { Problem } from '@meltemi/base';

/** A ProtoJSON message. */
export type Json = Readonly<Record<string, unknown>>;

const DURATION = /^(-?\d+(?:\.\d{1,9})?)s$/;

/**
 * Collects the faults of one resource. Every message that is read gets a `Reader` from here; `finish` then names each set field
 * that no decoder asked for, so that nothing a control plane sent can be passed over in silence.
 */
export class Faults {
  readonly problems: Problem[] = [];
  readonly #readers: Reader[] = [];

  reader(value: unknown, path: string): Reader {
    const reader = new Reader(this, asObject(value) ?? {}, path);
    if (asObject(value) === undefined) this.add(path, `expected a message, found ${describe(value)}`);
    this.#readers.push(reader);
    return reader;
  }

  add(path: string, message: string, code = 'MEL0902'): void {
    this.problems.push({ code, severity: 'error', path, message });
  }

  finish(): readonly Problem[] {
    for (const reader of this.#readers) {
      for (const name of reader.unread()) this.add(join(reader.path, name), 'not supported by this proxy', 'MEL0901');
    }
    return this.problems;
  }
}

/** A cursor over one message: a field counts as honoured when it is read (or called harmless, with the reason beside the call). */
export class Reader {
  readonly path: string;
  readonly #faults: Faults;
  readonly #json: Json;
  readonly #read = new Set<string>();

  constructor(faults: Faults, json: Json, path: string) {
    this.#faults = faults;
    this.#json = json;
    this.path = path;
  }

  /** Is the field there, even with its default value? (Presence of wrappers and oneofs.) */
  has(name: string): boolean {
    return this.#json[name] !== undefined && this.#json[name] !== null;
  }

  raw(name: string): unknown {
    this.#read.add(name);
    return this.#json[name] ?? undefined;
  }

  string(name: string, fallback = ''): string {
    const value = this.raw(name);
    if (value === undefined) return fallback;
    if (typeof value === 'string') return value;
    this.fail(name, `expected a string, found ${describe(value)}`);
    return fallback;
  }

  bool(name: string, fallback = false): boolean {
    const value = this.raw(name);
    if (value === undefined) return fallback;
    if (typeof value === 'boolean') return value;
    this.fail(name, `expected true or false, found ${describe(value)}`);
    return fallback;
  }

  number(name: string, fallback: number): number {
    const value = this.raw(name);
    if (value === undefined) return fallback;
    const number = typeof value === 'string' && value !== '' ? Number(value) : value;
    if (typeof number === 'number' && Number.isFinite(number)) return number;
    this.fail(name, `expected a number, found ${describe(value)}`);
    return fallback;
  }

  /** Milliseconds. */
  duration(name: string, fallbackMs: number): number {
    const value = this.raw(name);
    if (value === undefined) return fallbackMs;
    const match = typeof value === 'string' ? DURATION.exec(value) : null;
    const ms = match === null ? Number.NaN : Math.round(Number(match[1]) * 1e6) / 1e3;
    if (ms >= 0) return ms;
    this.fail(name, `expected a duration such as "1.5s" that is not negative, found ${describe(value)}`);
    return fallbackMs;
  }

  optionalDuration(name: string): number | undefined {
    return this.has(name) ? this.duration(name, 0) : undefined;
  }

  /** The value that the enum's name stands for; names not in the table are faults. */
  oneOf<T>(name: string, table: Readonly<Record<string, T>>, fallback: T): T {
    const value = this.raw(name);
    if (value === undefined) return fallback;
    if (typeof value === 'string' && Object.hasOwn(table, value)) return table[value] as T;
    this.fail(name, `${describe(value)} is not supported by this proxy; supported: ${Object.keys(table).join(', ')}`);
    return fallback;
  }

  strings(name: string): readonly string[] {
    return this.#list(name).map((item, index) => {
      if (typeof item === 'string') return item;
      this.fail(`${name}[${index}]`, `expected a string, found ${describe(item)}`);
      return '';
    });
  }

  numbers(name: string): readonly number[] {
    return this.#list(name).map((item, index) => {
      if (typeof item === 'number') return item;
      this.fail(`${name}[${index}]`, `expected a number, found ${describe(item)}`);
      return 0;
    });
  }

  message(name: string): Reader | undefined {
    const value = this.raw(name);
    return value === undefined ? undefined : this.#faults.reader(value, join(this.path, name));
  }

  messages(name: string): readonly Reader[] {
    return this.#list(name).map((item, index) => this.#faults.reader(item, join(this.path, `${name}[${index}]`)));
  }

  /** A map's entries, values as messages. */
  entries(name: string): readonly (readonly [string, Reader])[] {
    const map = asObject(this.raw(name)) ?? {};
    return Object.entries(map).map(([key, value]) => [key, this.#faults.reader(value, join(this.path, `${name}["${key}"]`))]);
  }

  /** This message's own `@type` without the URL prefix. */
  type(): string {
    const url = this.string('@type');
    return url.slice(url.lastIndexOf('/') + 1);
  }

  /** These fields are understood and have no effect here; say why beside the call. */
  harmless(...names: readonly string[]): void {
    for (const name of names) this.#read.add(name);
  }

  /** Everything in this message is understood by the caller. */
  ignoreRest(): void {
    this.harmless(...Object.keys(this.#json));
  }

  fail(name: string, message: string): void {
    this.#faults.add(join(this.path, name), message);
  }

  require(name: string, holds: boolean, message: string): void {
    if (!holds) this.fail(name, message);
  }

  /** Set fields that nothing asked for. In proto3 a default value is the same as an absent one; a duration is a message, and "0s" says something. */
  unread(): readonly string[] {
    return Object.keys(this.#json).filter((name) => !this.#read.has(name) && !isUnsaid(name, this.#json[name]));
  }

  #list(name: string): readonly unknown[] {
    const value = this.raw(name);
    if (value === undefined) return [];
    if (Array.isArray(value)) return value;
    this.fail(name, `expected a list, found ${describe(value)}`);
    return [];
  }
}

export function asObject(value: unknown): Json | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : undefined;
}

/** Wrappers (`UInt32Value`) whose 0 is another wish than their absence. The others that nobody reads wish for what is done anyway. */
const SAID_AT_ZERO: ReadonlySet<string> = new Set(['max_verify_depth', 'per_request_buffer_limit_bytes']);

function isUnsaid(name: string, value: unknown): boolean {
  return isDefault(value) && !(value === 0 && SAID_AT_ZERO.has(name));
}

function isDefault(value: unknown): boolean {
  if (value === undefined || value === null || value === false || value === 0 || value === '') return true;
  return Array.isArray(value) && value.length === 0;
}

function join(path: string, name: string): string {
  if (path === '') return name;
  return name === '' ? path : `${path}.${name}`;
}

function describe(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
