import { MeshError } from '@meltemi/base';

const SHOWN = 20;

/** Collects what is wrong with a message, each fault with its field path, instead of stopping at the first. */
export interface Faults {
  add(path: string, what: string): void;
  /** Throws when anything was collected. */
  throwIfAny(code: string, type: string): void;
}

export function createFaults(): Faults {
  const found: string[] = [];
  return {
    add(path, what) {
      found.push(path === '' ? what : `${path}: ${what}`);
    },
    throwIfAny(code, type) {
      if (found.length === 0) return;
      const rest = found.length > SHOWN ? `; and ${found.length - SHOWN} more` : '';
      throw new MeshError(code, `${type}: ${found.slice(0, SHOWN).join('; ')}${rest}`);
    },
  };
}

/** A value for a message: short, on one line. */
export function show(value: unknown): string {
  const text = typeof value === 'bigint' ? String(value) : (JSON.stringify(value) ?? String(value));
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
