import { createElement, lazy } from 'react';
import { namespacesQuery } from '../../api/queries.ts';
import { definePage } from '../../app/page.ts';

export const servicesPage = definePage({
  path: '/services',
  title: 'Services',
  nav: { label: 'Services', icon: 'service' },
  load: ({ queries }) => void queries.prefetchQuery(namespacesQuery()),
  View: lazy(async () => {
    const { ListPage } = await import('../lists/list-page.tsx');
    return { default: () => createElement(ListPage, { kind: 'service' }) };
  }),
});
