import type { Problem } from '@meltemi/base';
import type { Config } from '../config.ts';

export interface DecodeOptions {
  /** Name of the file for origins and messages. */
  readonly file?: string;
  /** Namespace of objects that name none; default `default`. */
  readonly defaultNamespace?: string;
  /** `Origin.source`; default `file`. */
  readonly source?: string;
  /** Longest text in characters; default 4 Mi. */
  readonly maxLength?: number;
  /** Take also what is refused only because not every data plane does it yet: for tests of the translation, which is ahead of them. */
  readonly takeUnsupported?: boolean;
}

/** 1-based place in a text. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

/** One object of a text (items of a List count singly), also when it was refused. */
export interface DecodedDocument {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  /** Present when the object is good. */
  readonly config?: Config;
  /** Place of `spec.http[0]…` (a Problem's `path`) or of its nearest parent that is there. */
  locate(path: string): Place;
}

/** Everything a text holds. An object with an error is not in `configs`; all others are. */
export interface DecodeResult {
  readonly configs: readonly Config[];
  readonly problems: readonly Problem[];
  readonly documents: readonly DecodedDocument[];
}
