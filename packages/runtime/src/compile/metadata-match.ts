import type { MetadataStruct, MetadataValue } from '../filters/types.ts';
import type { MetadataMatch, ValueMatch } from '../types/metadata.ts';
import { compileText } from './text.ts';

/** The value at a path; undefined = there is none. */
export function metadataAt(struct: MetadataStruct | undefined, path: readonly string[]): MetadataValue | undefined {
  let value: MetadataValue | undefined = struct;
  for (const key of path) {
    if (typeof value !== 'object' || value === null || Array.isArray(value) || !Object.hasOwn(value, key)) return undefined;
    value = (value as Readonly<Record<string, MetadataValue>>)[key];
  }
  return value;
}

/** `read` gives a filter's metadata. */
export function compileMetadataMatch(match: MetadataMatch): (read: (filter: string) => MetadataStruct | undefined) => boolean {
  const test = compileValue(match.value);
  return (read) => test(metadataAt(read(match.filter), match.path)) !== match.invert;
}

function compileValue(match: ValueMatch): (value: MetadataValue | undefined) => boolean {
  switch (match.t) {
    case 'null':
      return (value) => value === null;
    case 'number':
      return match.start === match.end
        ? (value) => value === match.start
        : (value) => typeof value === 'number' && value >= match.start && value < match.end;
    case 'string': {
      const text = compileText(match.match);
      return (value) => typeof value === 'string' && text(value);
    }
    case 'bool':
      return (value) => value === match.value;
    case 'present':
      return (value) => (value !== undefined && value !== null) === match.value;
    case 'list': {
      const element = compileValue(match.match);
      return (value) => Array.isArray(value) && value.some((item: MetadataValue) => element(item));
    }
    case 'or': {
      const tests = match.matches.map(compileValue);
      return (value) => tests.some((test) => test(value));
    }
  }
}
