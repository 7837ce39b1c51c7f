import type { HeaderEdit } from './types.ts';

/** What a header says after one edit of it; undefined = it is not there. */
export function editedValue(before: string | undefined, { action, value }: HeaderEdit): string | undefined {
  switch (action) {
    case 'remove':
      return undefined;
    case 'overwrite':
      return value;
    case 'append':
      return before === undefined ? value : `${before},${value}`;
    case 'add-if-absent':
      return before ?? value;
    case 'join':
      return before === undefined ? undefined : `${before},${value}`;
    case 'overwrite-if-exists':
      return before === undefined ? undefined : value;
  }
}
