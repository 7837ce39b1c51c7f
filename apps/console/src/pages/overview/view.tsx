import { ActionIcon, SegmentedControl, Select, TextInput, Tooltip } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState, type ReactElement } from 'react';
import { rangeQuery } from '../../api/prometheus.ts';
import { configQuery, healthQuery, namespacesQuery } from '../../api/queries.ts';
import { PageToolbar } from '../../app/toolbar.tsx';
import { Icon } from '../../components/icons.tsx';
import { Empty, Failed, Loading } from '../../components/states.tsx';
import { useOptions } from '../../url/router.ts';
import { NamespaceCard, NamespaceRows } from './card.tsx';
import { buildCards, sortCards, type Card, type CardSort } from './model.ts';

const TYPES = [
  { value: 'app', label: 'Apps' },
  { value: 'workload', label: 'Workloads' },
  { value: 'service', label: 'Services' },
];
const SORTS: readonly { value: CardSort; label: string }[] = [
  { value: 'name', label: 'Name' },
  { value: 'health', label: 'Health' },
  { value: 'mtls', label: 'mTLS' },
  { value: 'config', label: 'Istio Config' },
];

/** A card per namespace: how many applications, how healthy, how busy, how secure, how well configured. */
export function OverviewView(): ReactElement {
  const [options, change] = useOptions();
  const [filter, setFilter] = useState('');
  const { data: namespaces, error, refetch } = useQuery(namespacesQuery());
  const cards = useCards();
  const sort = SORTS.find((one) => one.value === options.sort)?.value ?? 'name';
  const shown = sortCards(
    cards.filter((card) => card.namespace.name.includes(filter.trim())),
    sort,
    options.direction === 'desc',
  );
  return (
    <>
      <PageToolbar title="Overview" />
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
            onChange={(value) => {
              if (value === 'app' || value === 'workload' || value === 'service') change({ overviewType: value });
            }}
          />
        </label>
        <label className="inline-field">
          Sort by
          <Select
            size="xs"
            w={120}
            data={[...SORTS]}
            value={sort}
            allowDeselect={false}
            aria-label="Sort by"
            onChange={(value) => change({ sort: value ?? '' })}
          />
        </label>
        <Tooltip label={options.direction === 'asc' ? 'Ascending' : 'Descending'}>
          <ActionIcon
            variant="default"
            aria-label="Sort direction"
            onClick={() => change({ direction: options.direction === 'asc' ? 'desc' : 'asc' })}
          >
            {options.direction === 'asc' ? '↑' : '↓'}
          </ActionIcon>
        </Tooltip>
        <span className="grow" />
        <SegmentedControl
          size="xs"
          aria-label="View"
          value={options.overviewView}
          data={[
            { value: 'EXPAND', label: 'Expand' },
            { value: 'COMPACT', label: 'Compact' },
            { value: 'LIST', label: 'List' },
          ]}
          onChange={(value) => {
            if (value === 'EXPAND' || value === 'COMPACT' || value === 'LIST') change({ overviewView: value });
          }}
        />
      </div>
      {error !== null && namespaces === undefined && <Failed error={error} retry={() => void refetch()} />}
      {error === null && namespaces === undefined && <Loading />}
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

function useCards(): readonly Card[] {
  const [options] = useOptions();
  const { data: namespaces = [] } = useQuery(namespacesQuery());
  const names = namespaces.map((one) => one.name);
  const { data: health = {} } = useQuery(healthQuery(options.overviewType, names, options.durationSeconds, options.refreshMs));
  const { data: config } = useQuery(configQuery(names));
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
  return buildCards({ namespaces, health, config, inbound, outbound });
}
