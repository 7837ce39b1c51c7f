import { useQuery } from '@tanstack/react-query';
import { Fragment, useState, type ReactElement } from 'react';
import { configQuery, problemsQuery } from '../../api/queries.ts';
import { PageToolbar } from '../../app/toolbar.tsx';
import { useNamespaces } from '../../app/use-namespaces.ts';
import { FilterBar } from '../../components/filter-bar.tsx';
import { KindBadge, kindBadge } from '../../components/kind-badge.tsx';
import { Link } from '../../components/link.tsx';
import { Paging } from '../../components/paging.tsx';
import { SortHeader } from '../../components/sort-header.tsx';
import { Empty, ListStates } from '../../components/states.tsx';
import { pageHref, useOptions } from '../../url/router.ts';
import { formatFilters, parseFilters, slicePage, type Filter } from '../lists/model.ts';
import { Messages, StateIcon } from './messages.tsx';
import { CONFIG_STATES, configRows, filterRows, rowKey, sortRows, type ConfigRow, type ConfigSort } from './model.ts';
import { objectPath } from './object-path.ts';

const SORTS: readonly ConfigSort[] = ['name', 'namespace', 'kind', 'state'];

/** Every configuration object with its validation; what is held back stands on top, with place, reason and remedy. */
export function ConfigListView(): ReactElement {
  const [options, change] = useOptions();
  const { chosen, loading } = useNamespaces();
  const { data, error, refetch } = useQuery(configQuery(chosen));
  const { data: problems = [] } = useQuery(problemsQuery());
  const filters = parseFilters(options.filters);
  const all = configRows(data, problems, chosen);
  const passed = filterRows(all, filters);
  return (
    <>
      <PageToolbar title="Istio Config" without={['duration']} />
      <FilterBar
        kinds={[
          { by: 'name', words: 'Name' },
          { by: 'type', words: 'Type', values: [...new Set(all.map((row) => row.kind))].toSorted() },
          { by: 'health', words: 'Config', values: CONFIG_STATES },
        ]}
        active={filters}
        change={(active) => change({ filters: formatFilters(active as readonly Filter[]), page: 1 })}
      />
      <ListStates error={error} retry={() => void refetch()} ready={data !== undefined} chosen={loading ? undefined : chosen.length} />
      {(data !== undefined || passed.length > 0) && (
        <ConfigTable
          rows={passed}
          none={all.length === 0 ? 'The chosen namespaces have no configuration. Apply some: meltemi apply -f FILE.' : 'No row passes the filters.'}
        />
      )}
    </>
  );
}

function ConfigTable({ rows, none }: { readonly rows: readonly ConfigRow[]; readonly none: string }): ReactElement {
  const [options] = useOptions();
  const [closed, setClosed] = useState<ReadonlySet<string>>(new Set());
  const sort = SORTS.find((one) => one === options.sort) ?? 'name';
  const slice = slicePage(sortRows(rows, sort, options.direction === 'desc'), options.page, options.perPage);
  const toggle = (key: string): void => {
    const next = new Set(closed);
    if (!next.delete(key)) next.add(key);
    setClosed(next);
  };
  return (
    <>
      <div className="table-frame">
        <table className="data-table" data-testid="config-list">
          <thead>
            <tr>
              <SortHeader by="name" words="Name" current={sort} />
              <SortHeader by="namespace" words="Namespace" current={sort} />
              <SortHeader by="kind" words="Type" current={sort} />
              <SortHeader by="state" words="Configuration" current={sort} />
              <th>Defined in</th>
            </tr>
          </thead>
          <tbody>
            {slice.rows.map((row) => {
              const key = rowKey(row);
              return <Row key={key} row={row} open={row.messages.length > 0 && !closed.has(key)} toggle={() => toggle(key)} />;
            })}
          </tbody>
        </table>
      </div>
      {rows.length === 0 && <Empty title="No configuration found">{none}</Empty>}
      <Paging total={rows.length} page={slice.page} pages={slice.pages} />
    </>
  );
}

function Row({ row, open, toggle }: { readonly row: ConfigRow; readonly open: boolean; readonly toggle: () => void }): ReactElement {
  return (
    <Fragment>
      <tr data-name={row.name} data-state={row.state}>
        <td>
          <span className="named">
            <KindBadge kind={kindBadge(row.kind)} />
            {row.id === undefined ? <span>{row.name}</span> : <Link to={pageHref(`/console${objectPath(row.id)}`)}>{row.name}</Link>}
          </span>
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
          <StateButton row={row} open={open} toggle={toggle} />
        </td>
        <td className="mono place">{row.place === '' ? <span className="quiet">-</span> : row.place}</td>
      </tr>
      {open && (
        <tr className="messages-row" data-messages-of={row.name}>
          <td colSpan={5}>
            {row.held && <p>This is not in force. What was valid before stays in force.</p>}
            <Messages messages={row.messages} />
          </td>
        </tr>
      )}
    </Fragment>
  );
}

/** The state in words; with messages, what opens and closes them. */
function StateButton({ row, open, toggle }: { readonly row: ConfigRow; readonly open: boolean; readonly toggle: () => void }): ReactElement {
  const words = (
    <>
      <StateIcon state={row.state} /> <span>{row.held ? 'Held back' : row.state}</span>
    </>
  );
  if (row.messages.length === 0) return <span className="config-state">{words}</span>;
  return (
    <button type="button" className="config-state" onClick={toggle} aria-expanded={open}>
      {words}
      <span className="quiet">
        {row.messages.length} {row.messages.length === 1 ? 'message' : 'messages'} {open ? '▾' : '▸'}
      </span>
    </button>
  );
}
