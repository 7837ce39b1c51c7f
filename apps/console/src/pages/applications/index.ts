import { createElement, lazy } from 'react';
import { namespacesQuery } from '../../api/queries.ts';
import { definePage } from '../../app/page.ts';

export const applicationsPage = definePage({
  path: '/applications',
  title: 'Applications',
  nav: { label: 'Applications', icon: 'app' },
  load: ({ queries }) => void queries.prefetchQuery(namespacesQuery()),
  View: lazy(async () => {
    const { ListPage } = await import('../lists/list-page.tsx');
    return { default: () => createElement(ListPage, { kind: 'app' }) };
  }),
});
