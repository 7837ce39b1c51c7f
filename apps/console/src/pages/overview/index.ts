import { lazy } from 'react';
import { namespacesQuery } from '../../api/queries.ts';
import { definePage } from '../../app/page.ts';

export const overviewPage = definePage({
  path: '/overview',
  title: 'Overview',
  nav: { label: 'Overview', icon: 'grid' },
  load: ({ queries }) => void queries.prefetchQuery(namespacesQuery()),
  View: lazy(async () => ({ default: (await import('./view.tsx')).OverviewView })),
});
