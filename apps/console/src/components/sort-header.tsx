import type { ReactElement } from 'react';
import { useOptions } from '../url/router.ts';

/** A table's heading that sorts by its column. */
export function SortHeader({ by, words, current }: { readonly by: string; readonly words: string; readonly current: string }): ReactElement {
  const [options, change] = useOptions();
  const active = current === by;
  return (
    <th aria-sort={active ? (options.direction === 'asc' ? 'ascending' : 'descending') : undefined}>
      <button type="button" onClick={() => change({ sort: by, direction: active && options.direction === 'asc' ? 'desc' : 'asc' })}>
        {words} <span aria-hidden="true">{active ? (options.direction === 'asc' ? '▲' : '▼') : '↕'}</span>
      </button>
    </th>
  );
}
