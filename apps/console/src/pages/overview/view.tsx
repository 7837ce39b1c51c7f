import { ActionIcon, SegmentedControl, Select, TextInput, Tooltip } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState, type ReactElement } from 'react';
import { rangeQuery } from '../../api/prometheus.ts';
import { configQuery, healthQuery, namespacesQuery, problemsQuery } from '../../api/queries.ts';
import { PageToolbar } from '../../app/toolbar.tsx';
import { Icon } from '../../components/icons.tsx';
import { Empty, Failed, Loading } from '../../components/states.tsx';
import { useOptions } from '../../url/router.ts';
import { NamespaceCard, NamespaceRows } from './card.tsx';
import { buildCards, sortCards, type Card, type CardSort } from './model.ts';

const TYPES: { value: 'app' | 'workload' | 'service'; label: string }[] = [
  { value: 'app', label: 'Apps' },
  { value: 'workload', label: 'Workloads' },
  { value: 'service', label: 'Services' },
];
const VIEWS: { value: 'EXPAND' | 'COMPACT' | 'LIST'; label: string }[] = [
  { value: 'EXPAND', label: 'Expand' },
  { value: 'COMPACT', label: 'Compact' },
  { value: 'LIST', label: 'List' },
];
const SORTS: readonly { value: CardSort; label: string }[] = [
  { value: 'name', label: 'Name' },
  { value: 'health', label: 'Health' },
  { value: 'mtls', label: 'mTLS' },
  { value: 'config', label: 'Istio Config' },
];

/** A card per namespace: how many applications, how healthy, how busy, how secure, how well configured. */
export function OverviewView(): ReactElement {
  const [options] = useOptions();
  const [filter, setFilter] = useState('');
  const { data: namespaces, error, refetch } = useQuery(namespacesQuery());
  const cards = useCards();
  const shown = sortCards(
    cards.filter((card) => card.namespace.name.includes(filter.trim())),
    sortOf(options.sort),
    options.direction === 'desc',
  );
  return (
    <>
      <PageToolbar title="Overview" without={['namespaces']} />
      <OverviewFilters filter={filter} setFilter={setFilter} />
      {namespaces === undefined && (error === null ? <Loading /> : <Failed error={error} retry={() => void refetch()} />)}
      {namespaces !== undefined && shown.length === 0 && (
        <Empty title="No namespace">
          {namespaces.length === 0
            ? 'The control plane knows no namespace yet. Apply one: meltemi apply -f FILE.'
            : 'No namespace has this in its name.'}
        </Empty>
      )}
      {options.overviewView === 'LIST' && shown.length > 0 ? (
        <NamespaceRows cards={shown} />
      ) : (
        <div className={`cards ${options.overviewView === 'COMPACT' ? 'compact' : ''}`} data-testid="namespace-cards">
          {shown.map((card) => (
            <NamespaceCard key={card.namespace.name} card={card} compact={options.overviewView === 'COMPACT'} />
          ))}
        </div>
      )}
    </>
  );
}

function sortOf(text: string): CardSort {
  return SORTS.find((one) => one.value === text)?.value ?? 'name';
}

function OverviewFilters({ filter, setFilter }: { readonly filter: string; readonly setFilter: (text: string) => void }): ReactElement {
  const [options, change] = useOptions();
  return (
    <div className="filter-row">
      <TextInput
        size="xs"
        w={200}
        placeholder="Filter by name…"
        aria-label="Filter by name"
        value={filter}
        onChange={(event) => setFilter(event.currentTarget.value)}
        leftSection={<Icon name="search" size={13} />}
      />
      <label className="inline-field">
        Show health for
        <Select
          size="xs"
          w={120}
          data={TYPES}
          value={options.overviewType}
          allowDeselect={false}
          aria-label="Show health for"
          onChange={(value) => change({ overviewType: TYPES.find((one) => one.value === value)?.value ?? 'app' })}
        />
      </label>
      <SortPicker />
      <span className="grow" />
      <SegmentedControl
        size="xs"
        aria-label="View"
        value={options.overviewView}
        data={VIEWS}
        onChange={(value) => change({ overviewView: VIEWS.find((one) => one.value === value)?.value ?? 'EXPAND' })}
      />
    </div>
  );
}

function SortPicker(): ReactElement {
  const [options, change] = useOptions();
  const isUp = options.direction === 'asc';
  return (
    <>
      <label className="inline-field">
        Sort by
        <Select
          size="xs"
          w={120}
          data={[...SORTS]}
          value={sortOf(options.sort)}
          allowDeselect={false}
          aria-label="Sort by"
          onChange={(value) => change({ sort: value ?? '' })}
        />
      </label>
      <Tooltip label={isUp ? 'Ascending' : 'Descending'}>
        <ActionIcon variant="default" size="md" aria-label="Sort direction" onClick={() => change({ direction: isUp ? 'desc' : 'asc' })}>
          {isUp ? '↑' : '↓'}
        </ActionIcon>
      </Tooltip>
    </>
  );
}

function useCards(): readonly Card[] {
  const [options] = useOptions();
  const { data: namespaces = [] } = useQuery(namespacesQuery());
  const names = namespaces.map((one) => one.name);
  const { data: health = {} } = useQuery(healthQuery(options.overviewType, names, options.durationSeconds, options.refreshMs));
  const { data: config } = useQuery(configQuery(names));
  const { data: problems = [] } = useQuery(problemsQuery());
  const window = `[${Math.min(options.durationSeconds, 60)}s]`;
  const { data: inbound = [] } = useQuery(
    rangeQuery(
      `sum by (destination_workload_namespace, response_code) (rate(istio_requests_total{reporter="destination"}${window}))`,
      options.durationSeconds,
      options.refreshMs,
    ),
  );
  const { data: outbound = [] } = useQuery(
    rangeQuery(
      `sum by (source_workload_namespace, response_code) (rate(istio_requests_total{reporter="source"}${window}))`,
      options.durationSeconds,
      options.refreshMs,
    ),
  );
  return buildCards({ namespaces, health, config, problems, inbound, outbound });
}
