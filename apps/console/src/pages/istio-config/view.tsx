import { useQuery } from '@tanstack/react-query';
import { Fragment, useState, type ReactElement } from 'react';
import { configQuery, problemsQuery } from '../../api/queries.ts';
import { PageToolbar } from '../../app/toolbar.tsx';
import { useNamespaces } from '../../app/use-namespaces.ts';
import { FilterBar } from '../../components/filter-bar.tsx';
import { Icon, type IconName } from '../../components/icons.tsx';
import { KindBadge } from '../../components/kind-badge.tsx';
import { Paging } from '../../components/paging.tsx';
import { SortHeader } from '../../components/sort-header.tsx';
import { Empty, Failed, Loading } from '../../components/states.tsx';
import { useOptions } from '../../url/router.ts';
import { formatFilters, parseFilters, slicePage, type Filter } from '../lists/model.ts';
import { CONFIG_STATES, configRows, filterRows, sortRows, type ConfigRow, type ConfigSort, type ConfigState, type Message } from './model.ts';

const STATE_LOOK: Readonly<Record<ConfigState, readonly [IconName, string]>> = {
  Valid: ['check', 'var(--success)'],
  Warning: ['warning', 'var(--warning)'],
  'Not Valid': ['error', 'var(--danger)'],
  'N/A': ['unknown', 'var(--soft)'],
};
const SORTS: readonly ConfigSort[] = ['name', 'namespace', 'kind', 'state'];
const BADGES: Readonly<Record<string, string>> = {
  VirtualService: 'VS',
  DestinationRule: 'DR',
  Gateway: 'G',
  ServiceEntry: 'SE',
  WorkloadEntry: 'WE',
  PeerAuthentication: 'PA',
  Namespace: 'NS',
  Service: 'S',
  ServiceAccount: 'SA',
};

/** Every configuration object with its validation; what is held back stands on top, with place, reason and remedy. */
export function IstioConfigView(): ReactElement {
  const [options, change] = useOptions();
  const { chosen, loading } = useNamespaces();
  const { data, error, isPending, refetch } = useQuery(configQuery(chosen));
  const { data: problems = [] } = useQuery(problemsQuery());
  const [closed, setClosed] = useState<ReadonlySet<string>>(new Set());
  const filters = parseFilters(options.filters);
  const sort = SORTS.find((one) => one === options.sort) ?? 'name';
  const all = configRows(data, problems, chosen);
  const passed = sortRows(filterRows(all, filters), sort, options.direction === 'desc');
  const slice = slicePage(passed, options.page, options.perPage);
  const toggle = (key: string): void => {
    const next = new Set(closed);
    if (!next.delete(key)) next.add(key);
    setClosed(next);
  };
  return (
    <>
      <PageToolbar title="Istio Config" />
      <FilterBar
        kinds={[
          { by: 'name', words: 'Name' },
          { by: 'type', words: 'Type', values: [...new Set(all.map((row) => row.kind))].toSorted() },
          { by: 'health', words: 'Config', values: CONFIG_STATES },
        ]}
        active={filters}
        change={(active) => change({ filters: formatFilters(active as readonly Filter[]), page: 1 })}
      />
      {error !== null && data === undefined && <Failed error={error} retry={() => void refetch()} />}
      {error === null && chosen.length === 0 && !loading && <Empty title="No namespace is selected">Choose one or more namespaces above.</Empty>}
      {error === null && isPending && chosen.length > 0 && <Loading />}
      {(data !== undefined || passed.length > 0) && (
        <>
          <table className="data-table" data-testid="config-list">
            <thead>
              <tr>
                <SortHeader by="name" words="Name" current={sort} />
                <SortHeader by="namespace" words="Namespace" current={sort} />
                <SortHeader by="kind" words="Type" current={sort} />
                <SortHeader by="state" words="Configuration" current={sort} />
                <th>Where</th>
              </tr>
            </thead>
            <tbody>
              {slice.rows.map((row) => {
                const key = `${row.kind}/${row.namespace}/${row.name}`;
                return <Row key={key} row={row} open={row.messages.length > 0 && !closed.has(key)} toggle={() => toggle(key)} />;
              })}
            </tbody>
          </table>
          {passed.length === 0 && (
            <Empty title="No configuration found">
              {all.length === 0 ? 'The chosen namespaces have no configuration. Apply some: meltemi apply -f FILE.' : 'No row passes the filters.'}
            </Empty>
          )}
          <Paging total={passed.length} page={slice.page} pages={slice.pages} />
        </>
      )}
    </>
  );
}

function Row({ row, open, toggle }: { readonly row: ConfigRow; readonly open: boolean; readonly toggle: () => void }): ReactElement {
  const [icon, color] = STATE_LOOK[row.state];
  return (
    <Fragment>
      <tr data-name={row.name} data-state={row.state}>
        <td>
          <KindBadge kind={BADGES[row.kind] ?? row.kind.replaceAll(/[a-z]/g, '')} /> {row.name}
        </td>
        <td>
          {row.namespace === '' ? (
            <span className="quiet">-</span>
          ) : (
            <>
              <KindBadge kind="NS" /> {row.namespace}
            </>
          )}
        </td>
        <td>{row.kind}</td>
        <td>
          <button
            type="button"
            className="config-state"
            onClick={toggle}
            disabled={row.messages.length === 0}
            aria-expanded={row.messages.length > 0 ? open : undefined}
          >
            <Icon name={icon} color={color} title={row.state} /> {row.held ? 'Held back' : row.state}
            {row.messages.length > 0 && (
              <span className="quiet">
                {' '}
                {row.messages.length} {row.messages.length === 1 ? 'message' : 'messages'} {open ? '▾' : '▸'}
              </span>
            )}
          </button>
        </td>
        <td className="mono">{row.place === '' ? <span className="quiet">-</span> : row.place}</td>
      </tr>
      {open && (
        <tr className="messages-row">
          <td colSpan={5}>
            {row.held && <p>This is not in force. What was valid before stays in force.</p>}
            <ul className="messages">
              {row.messages.map((message) => (
                <MessageItem key={message.code + message.path + message.text} message={message} />
              ))}
            </ul>
          </td>
        </tr>
      )}
    </Fragment>
  );
}

function MessageItem({ message }: { readonly message: Message }): ReactElement {
  const [icon, color] =
    message.severity === 'error' ? STATE_LOOK['Not Valid'] : message.severity === 'warning' ? STATE_LOOK.Warning : STATE_LOOK['N/A'];
  return (
    <li>
      <Icon name={icon} color={color} title={message.severity} />
      <div>
        <b>{message.code}</b> {message.text}
        <div className="mono quiet">{[message.place, message.path].filter((part) => part !== '').join('  ')}</div>
        {message.fix !== '' && (
          <div className="fix">
            <b>Fix:</b>
            {message.fix.includes('\n') ? '\n' : ' '}
            {message.fix}
          </div>
        )}
      </div>
    </li>
  );
}
