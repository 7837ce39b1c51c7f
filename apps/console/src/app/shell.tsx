import { Suspense, useEffect, useState, type ReactElement } from 'react';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { shownKind } from '@meltemi/base';
import { problemsQuery } from '../api/queries.ts';
import { ErrorBoundary } from '../components/error-boundary.tsx';
import { Icon } from '../components/icons.tsx';
import { Link } from '../components/link.tsx';
import { Empty, Loading } from '../components/states.tsx';
import { PAGES } from '../pages/index.ts';
import { navigate, pageHref, useOptions, usePath } from '../url/router.ts';
import { Masthead } from './masthead.tsx';
import { notify } from './notices.ts';
import type { Page } from './page.ts';

const ROOT = '/console';

/** The page that answers to a path of the console. */
function pageFor(path: string): Page | undefined {
  const below = path.startsWith(ROOT) ? path.slice(ROOT.length) : path;
  return PAGES.find((page) => below === page.path || below.startsWith(`${page.path}/`) || page.also?.test(below) === true);
}

export function Shell(): ReactElement {
  const path = usePath();
  const [options] = useOptions();
  const queries = useQueryClient();
  const [narrow, setNarrow] = useState(() => localStorage.getItem('meltemi.nav') === 'narrow');
  const page = pageFor(path);
  useConfigStream();
  useProblemNotices();
  useEffect(() => {
    if (path === '/' || path === ROOT || path === `${ROOT}/`) navigate(`${ROOT}/overview${window.location.search}`, true);
  }, [path]);
  useEffect(() => {
    document.title = page === undefined ? 'Meltemi' : `${page.title} · Meltemi`;
    page?.load({ queries, options });
    // The page's first reading belongs to the change of page, not to every change of an option.
    // oxlint-disable-next-line react-hooks/exhaustive-deps
  }, [page]);
  const toggle = (): void => {
    setNarrow(!narrow);
    localStorage.setItem('meltemi.nav', narrow ? 'wide' : 'narrow');
  };
  if (options.kiosk)
    return (
      <main className="content kiosk">
        <PageView page={page} path={path} />
      </main>
    );
  return (
    <div className={`shell${narrow ? ' narrow' : ''}`}>
      <a className="skip" href="#content">
        Skip to content
      </a>
      <Masthead onToggleNav={toggle} />
      <SideNav current={page} />
      <main className="content" id="content" tabIndex={-1}>
        <PageView page={page} path={path} />
      </main>
    </div>
  );
}

function PageView({ page, path }: { readonly page: Page | undefined; readonly path: string }): ReactElement {
  if (page === undefined)
    return path.length <= ROOT.length + 1 ? (
      <Loading />
    ) : (
      <Empty title="There is no such page">The navigation on the left shows those that exist.</Empty>
    );
  return (
    <ErrorBoundary key={page.path}>
      <Suspense fallback={<Loading />}>
        <page.View />
      </Suspense>
    </ErrorBoundary>
  );
}

function SideNav({ current }: { readonly current: Page | undefined }): ReactElement {
  return (
    <nav className="side-nav" aria-label="Pages">
      {PAGES.map((page) => (
        <Link key={page.path} to={pageHref(ROOT + page.path)} aria-current={page === current ? 'page' : undefined} title={page.nav.label}>
          <Icon name={page.nav.icon} size={17} />
          <span>{page.nav.label}</span>
        </Link>
      ))}
    </nav>
  );
}

/** Lists of configuration are read again as soon as the control plane says that something changed. */
function useConfigStream(): void {
  const queries = useQueryClient();
  useEffect(() => {
    const source = new EventSource('/meltemi/v1/stream/config');
    const changed = (): void => {
      for (const key of ['config', 'problems', 'namespaces', 'mesh-tls', 'list', 'health']) void queries.invalidateQueries({ queryKey: [key] });
    };
    source.addEventListener('message', changed);
    source.addEventListener('config', changed);
    return () => source.close();
  }, [queries]);
}

/** New problems of the configuration ring the bell, once each. */
function useProblemNotices(): void {
  const { data } = useQuery(problemsQuery());
  const [known] = useState(() => new Set<string>());
  useEffect(() => {
    for (const problem of data ?? []) {
      const object = problem.object === undefined ? '' : `${shownKind(problem.object.kind)} ${problem.object.namespace}/${problem.object.name}: `;
      const text = `${object}${problem.message} [${problem.code}]`;
      if (problem.severity === 'info' || known.has(text)) continue;
      known.add(text);
      notify(problem.severity === 'error' ? 'danger' : 'warning', text);
    }
  }, [data, known]);
}
