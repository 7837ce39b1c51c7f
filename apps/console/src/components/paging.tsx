import { Pagination, Select } from '@mantine/core';
import type { ReactElement } from 'react';
import { useOptions } from '../url/router.ts';

/** How many rows, which page of them, how many on a page. */
export function Paging({ total, page, pages }: { readonly total: number; readonly page: number; readonly pages: number }): ReactElement {
  const [options, change] = useOptions();
  return (
    <div className="paging">
      <span>
        {total} {total === 1 ? 'item' : 'items'}
      </span>
      <Select
        size="xs"
        w={122}
        aria-label="Rows per page"
        allowDeselect={false}
        value={String(options.perPage)}
        data={['10', '20', '50', '100'].map((value) => ({ value, label: `${value} per page` }))}
        onChange={(value) => change({ perPage: Number(value ?? 20), page: 1 })}
      />
      {pages > 1 && (
        <Pagination
          size="xs"
          total={pages}
          value={page}
          onChange={(value) => change({ page: value })}
          getControlProps={(control) => ({ 'aria-label': `${control} page` })}
        />
      )}
    </div>
  );
}
