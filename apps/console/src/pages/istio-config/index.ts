import { lazy } from 'react';
import { namespacesQuery, problemsQuery } from '../../api/queries.ts';
import { definePage } from '../../app/page.ts';
import { OBJECT_PATH } from './object-path.ts';

export const istioConfigPage = definePage({
  path: '/istio',
  also: OBJECT_PATH,
  title: 'Istio Config',
  nav: { label: 'Istio Config', icon: 'config' },
  load: ({ queries }) => {
    void queries.prefetchQuery(namespacesQuery());
    void queries.prefetchQuery(problemsQuery());
  },
  View: lazy(async () => ({ default: (await import('./view.tsx')).IstioConfigView })),
});
