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
  const [text, setText] = useState('');
  const kind = kinds.find((one) => one.by === by) ?? kinds[0];
  const add = (value: string): void => {
    if (value.trim() !== '' && !active.some((one) => one.by === by && one.value === value.trim())) change([...active, { by, value: value.trim() }]);
    setText('');
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
        {kind?.values === undefined ? (
          <TextInput
            size="xs"
            w={240}
            placeholder={`Filter by ${kind?.words ?? ''}…`}
            aria-label={`Filter by ${kind?.words ?? ''}`}
            value={text}
            leftSection={<Icon name="search" size={13} />}
            onChange={(event) => setText(event.currentTarget.value)}
            onKeyDown={(event) => {
              if (event.key === 'Enter') add(text);
            }}
          />
        ) : (
          <Select
            size="xs"
            w={240}
            placeholder={`Filter by ${kind.words}…`}
            aria-label={`Filter by ${kind.words}`}
            data={[...kind.values]}
            value={null}
            onChange={(value) => {
              if (value !== null) add(value);
            }}
          />
        )}
      </div>
      {active.length > 0 && (
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
      )}
    </>
  );
}
