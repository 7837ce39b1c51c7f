import { Tooltip } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import type { ReactElement } from 'react';
import type { ListItem } from '../../api/kiali.ts';
import { listQuery, type ListKind } from '../../api/queries.ts';
import { PageToolbar } from '../../app/toolbar.tsx';
import { useNamespaces } from '../../app/use-namespaces.ts';
import { FilterBar, type FilterKind } from '../../components/filter-bar.tsx';
import { HealthIcon } from '../../components/health-icon.tsx';
import { Icon } from '../../components/icons.tsx';
import { KindBadge } from '../../components/kind-badge.tsx';
import { Paging } from '../../components/paging.tsx';
import { SortHeader } from '../../components/sort-header.tsx';
import { Empty, Failed, Loading } from '../../components/states.tsx';
import { formatSeconds, trimmed } from '../../graph/format.ts';
import { itemHealth } from '../../graph/health.ts';
import { navigate, pageHref, useOptions } from '../../url/router.ts';
import { applyFilters, FILTER_WORDS, formatFilters, parseFilters, slicePage, sortItems, typeOf, type Filter, type SortBy } from './model.ts';

const TITLES: Readonly<Record<ListKind, string>> = { app: 'Applications', workload: 'Workloads', service: 'Services' };
const BADGES: Readonly<Record<ListKind, string>> = { app: 'A', workload: 'W', service: 'S' };
const FIND_WORDS: Readonly<Record<ListKind, string>> = { app: 'app', workload: 'workload', service: 'service' };
const SORTS: readonly SortBy[] = ['name', 'health', 'namespace', 'errorRate', 'type'];

function filterKinds(kind: ListKind): readonly FilterKind[] {
  return [
    { by: 'name', words: FILTER_WORDS.name },
    { by: 'health', words: FILTER_WORDS.health, values: ['Failure', 'Degraded', 'Not Ready', 'Healthy', 'NA'] },
    { by: 'label', words: FILTER_WORDS.label },
    { by: 'sidecar', words: FILTER_WORDS.sidecar, values: ['Present', 'Not Present'] },
    ...(kind === 'workload' ? [{ by: 'type', words: FILTER_WORDS.type }] : []),
  ];
}

/** The list of all applications, workloads or services of the chosen namespaces. */
export function ListPage({ kind }: { readonly kind: ListKind }): ReactElement {
  const [options, change] = useOptions();
  const { chosen, loading } = useNamespaces();
  const { data, error, isPending, refetch } = useQuery(listQuery(kind, chosen, options.durationSeconds, options.refreshMs));
  const filters = parseFilters(options.filters);
  const sort = SORTS.find((one) => one === options.sort) ?? 'name';
  const passed = sortItems(applyFilters(data ?? [], filters), sort, options.direction === 'desc');
  const slice = slicePage(passed, options.page, options.perPage);
  return (
    <>
      <PageToolbar title={TITLES[kind]} />
      <FilterBar
        kinds={filterKinds(kind)}
        active={filters}
        change={(active) => change({ filters: formatFilters(active as readonly Filter[]), page: 1 })}
      />
      {error !== null && data === undefined && <Failed error={error} retry={() => void refetch()} />}
      {error === null && chosen.length === 0 && !loading && <Empty title="No namespace is selected">Choose one or more namespaces above.</Empty>}
      {error === null && isPending && chosen.length > 0 && <Loading />}
      {data !== undefined && (
        <>
          <table className="data-table" data-testid={`${kind}-list`}>
            <thead>
              <tr>
                <SortHeader by="health" words="Health" current={sort} />
                <SortHeader by="name" words="Name" current={sort} />
                <SortHeader by="namespace" words="Namespace" current={sort} />
                {kind === 'workload' && <SortHeader by="type" words="Type" current={sort} />}
                <SortHeader by="errorRate" words={`Error rate (${formatSeconds(options.durationSeconds)})`} current={sort} />
                <th>Labels</th>
                <th>Details</th>
              </tr>
            </thead>
            <tbody>
              {slice.rows.map((item) => (
                <Row key={`${item.namespace}/${item.name}`} item={item} kind={kind} />
              ))}
            </tbody>
          </table>
          {passed.length === 0 && (
            <Empty title={`No ${TITLES[kind].toLowerCase()} found`}>
              {data.length === 0 ? 'The chosen namespaces have none.' : 'No row passes the filters.'}
            </Empty>
          )}
          <Paging total={passed.length} page={slice.page} pages={slice.pages} />
        </>
      )}
    </>
  );
}

function Row({ item, kind }: { readonly item: ListItem; readonly kind: ListKind }): ReactElement {
  const health = itemHealth(item.health);
  const href = pageHref('/console/graph/namespaces', {
    namespaces: [item.namespace],
    find: `${FIND_WORDS[kind]} = ${item.name}`,
    ...(kind === 'workload' ? { graphType: 'workload' as const } : {}),
  });
  return (
    <tr data-name={item.name}>
      <td className="narrow">
        <HealthIcon
          status={health.status}
          {...(health.errorPercent === undefined
            ? {}
            : { detail: `${trimmed(health.errorPercent)}% of ${trimmed(health.requestsPerSecond)} rps failed` })}
        />
      </td>
      <td>
        <KindBadge kind={BADGES[kind]} />{' '}
        <Tooltip label="Show on graph">
          <a
            href={href}
            onClick={(event) => {
              event.preventDefault();
              navigate(href);
            }}
          >
            {item.name}
          </a>
        </Tooltip>
      </td>
      <td>
        <KindBadge kind="NS" /> {item.namespace}
      </td>
      {kind === 'workload' && <td>{typeOf(item)}</td>}
      <td className="number">
        {health.errorPercent === undefined ? <span className="quiet">No traffic</span> : `${health.errorPercent.toFixed(2)}%`}
      </td>
      <td>
        <span className="chips">
          {Object.entries(item.labels ?? {}).map(([key, value]) => (
            <span key={key} className="chip">
              {key}={value}
            </span>
          ))}
        </span>
      </td>
      <td>
        <Details item={item} kind={kind} />
      </td>
    </tr>
  );
}

function Details({ item, kind }: { readonly item: ListItem; readonly kind: ListKind }): ReactElement {
  const missing = [
    ...(item.istioSidecar === false && item.isGateway !== true ? ['Missing Sidecar'] : []),
    ...(kind === 'workload' && item.appLabel === false ? ['Missing App label'] : []),
    ...(kind === 'workload' && item.versionLabel === false ? ['Missing Version label'] : []),
  ];
  return (
    <span className="chips">
      {missing.map((words) => (
        <span key={words} className="chip warn">
          <Icon name="warning" size={11} color="var(--warning)" /> {words}
        </span>
      ))}
      {item.isGateway === true && (
        <span className="chip">
          <KindBadge kind="G" /> Gateway
        </span>
      )}
      {(item.istioReferences ?? []).map((reference) => {
        const kindName = reference.objectGVK?.Kind ?? '';
        const href = pageHref('/console/istio', { namespaces: [reference.namespace ?? item.namespace], filters: `name:${reference.name}` });
        return (
          <a
            key={kindName + reference.name}
            className="chip"
            href={href}
            onClick={(event) => {
              event.preventDefault();
              navigate(href);
            }}
          >
            <KindBadge kind={shortKind(kindName)} /> {reference.name}
          </a>
        );
      })}
    </span>
  );
}

function shortKind(kind: string): string {
  return kind.replaceAll(/[a-z]/g, '') || '?';
}
