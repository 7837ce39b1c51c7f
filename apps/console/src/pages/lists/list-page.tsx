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
import { KindBadge, kindBadge } from '../../components/kind-badge.tsx';
import { Link } from '../../components/link.tsx';
import { Paging } from '../../components/paging.tsx';
import { SortHeader } from '../../components/sort-header.tsx';
import { Empty, ListStates } from '../../components/states.tsx';
import { formatSeconds, trimmed } from '../../graph/format.ts';
import { itemHealth } from '../../graph/health.ts';
import { pageHref, useOptions } from '../../url/router.ts';
import { objectPath } from '../istio-config/object-path.ts';
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
  const { data, error, refetch } = useQuery(listQuery(kind, chosen, options.durationSeconds, options.refreshMs));
  const filters = parseFilters(options.filters);
  return (
    <>
      <PageToolbar title={TITLES[kind]} />
      <FilterBar
        kinds={filterKinds(kind)}
        active={filters}
        change={(active) => change({ filters: formatFilters(active as readonly Filter[]), page: 1 })}
      />
      <ListStates error={error} retry={() => void refetch()} ready={data !== undefined} chosen={loading ? undefined : chosen.length} />
      {data !== undefined && chosen.length > 0 && (
        <ListTable
          kind={kind}
          items={applyFilters(data, filters)}
          none={data.length === 0 ? 'The chosen namespaces have none.' : 'No row passes the filters.'}
        />
      )}
    </>
  );
}

interface ListTableProps {
  readonly kind: ListKind;
  readonly items: readonly ListItem[];
  readonly none: string;
}

function ListTable({ kind, items, none }: ListTableProps): ReactElement {
  const [options] = useOptions();
  const sort = SORTS.find((one) => one === options.sort) ?? 'name';
  const slice = slicePage(sortItems(items, sort, options.direction === 'desc'), options.page, options.perPage);
  return (
    <>
      <div className="table-frame">
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
      </div>
      {items.length === 0 && <Empty title={`No ${TITLES[kind].toLowerCase()} found`}>{none}</Empty>}
      <Paging total={items.length} page={slice.page} pages={slice.pages} />
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
        <span className="named">
          <KindBadge kind={BADGES[kind]} />
          <Tooltip label="Show on graph">
            <span>
              <Link to={href}>{item.name}</Link>
            </span>
          </Tooltip>
        </span>
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
        const { Group = '', Version = 'v1', Kind = '' } = reference.objectGVK ?? {};
        const { name, namespace = item.namespace } = reference;
        return (
          <Link
            key={Kind + name}
            className="chip"
            to={pageHref(`/console${objectPath({ namespace, group: Group, version: Version, kind: Kind, name })}`)}
          >
            <KindBadge kind={kindBadge(Kind)} /> {name}
          </Link>
        );
      })}
    </span>
  );
}
