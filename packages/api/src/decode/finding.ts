import type { Severity } from '@meltemi/base';
import type { DecodeCode } from '../codes.ts';
import type { Path } from '../path.ts';

/** What decoding found in one object; paths begin at the object's root. */
export interface ObjectFinding {
  readonly code: DecodeCode;
  readonly severity: Severity;
  readonly path: Path;
  readonly message: string;
  readonly fix?: string;
  /** The place is that of the key at the end of `path`, not of its value. */
  readonly atKey?: true;
  /** A field that belongs one level up: the YAML layer can make the edit. */
  readonly misplaced?: true;
}

export function errorAt(code: DecodeCode, path: Path, message: string, fix?: string): ObjectFinding {
  return { code, severity: 'error', path, message, ...(fix === undefined ? {} : { fix }) };
}
