import { Select, TextInput } from '@mantine/core';
import { useState, type ReactElement } from 'react';
import { Icon } from './icons.tsx';

export interface FilterKind {
  readonly by: string;
  readonly words: string;
  /** Fixed values to choose from; without, free text. */
  readonly values?: readonly string[];
}

interface FilterBarProps {
  readonly kinds: readonly FilterKind[];
  readonly active: readonly { readonly by: string; readonly value: string }[];
  readonly change: (active: readonly { readonly by: string; readonly value: string }[]) => void;
}

/** Chooses what to filter by and for what; the filters in force stand below as chips. */
export function FilterBar({ kinds, active, change }: FilterBarProps): ReactElement {
  const [by, setBy] = useState(kinds[0]?.by ?? '');
  const kind = kinds.find((one) => one.by === by) ?? kinds[0];
  const add = (value: string): void => {
    if (value.trim() !== '' && !active.some((one) => one.by === by && one.value === value.trim())) change([...active, { by, value: value.trim() }]);
  };
  return (
    <>
      <div className="filter-row">
        <Select
          size="xs"
          w={130}
          aria-label="Filter by"
          data={kinds.map((one) => ({ value: one.by, label: one.words }))}
          value={by}
          allowDeselect={false}
          onChange={(value) => setBy(value ?? by)}
        />
        {kind !== undefined && <FilterValue key={kind.by} kind={kind} add={add} />}
      </div>
      {active.length > 0 && <ActiveFilters kinds={kinds} active={active} change={change} />}
    </>
  );
}

function FilterValue({ kind, add }: { readonly kind: FilterKind; readonly add: (value: string) => void }): ReactElement {
  const [text, setText] = useState('');
  const words = `Filter by ${kind.words}`;
  if (kind.values !== undefined)
    return (
      <Select
        size="xs"
        w={240}
        placeholder={`${words}…`}
        aria-label={words}
        data={[...kind.values]}
        value={null}
        onChange={(value) => {
          if (value !== null) add(value);
        }}
      />
    );
  return (
    <TextInput
      size="xs"
      w={240}
      placeholder={`${words}…`}
      aria-label={words}
      value={text}
      leftSection={<Icon name="search" size={13} />}
      onChange={(event) => setText(event.currentTarget.value)}
      onKeyDown={(event) => {
        if (event.key !== 'Enter') return;
        add(text);
        setText('');
      }}
    />
  );
}

function ActiveFilters({ kinds, active, change }: FilterBarProps): ReactElement {
  return (
    <div className="active-filters">
      <span>Active Filters:</span>
      {active.map((filter) => (
        <span key={filter.by + filter.value} className="chip">
          {kinds.find((one) => one.by === filter.by)?.words ?? filter.by}: {filter.value}
          <button type="button" aria-label={`Remove filter ${filter.value}`} onClick={() => change(active.filter((one) => one !== filter))}>
            <Icon name="close" size={9} />
          </button>
        </span>
      ))}
      <button type="button" className="link" onClick={() => change([])}>
        Clear all
      </button>
    </div>
  );
}
