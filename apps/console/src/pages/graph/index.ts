import { lazy } from 'react';
import { namespacesQuery } from '../../api/queries.ts';
import { definePage } from '../../app/page.ts';

export const graphPage = definePage({
  path: '/graph/namespaces',
  title: 'Traffic Graph',
  nav: { label: 'Traffic Graph', icon: 'topology' },
  load: ({ queries }) => void queries.prefetchQuery(namespacesQuery()),
  View: lazy(async () => ({ default: (await import('./view.tsx')).GraphView })),
});
