import { ActionIcon, Button, Checkbox, Menu, Popover, Select, TextInput, Tooltip } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useState, type ReactElement, type ReactNode } from 'react';
import { Icon } from '../components/icons.tsx';
import { KindBadge } from '../components/kind-badge.tsx';
import { formatSeconds } from '../graph/format.ts';
import { LIVE } from '../url/params.ts';
import { useOptions } from '../url/router.ts';
import { useNamespaces } from './use-namespaces.ts';

const DURATIONS = [60, 120, 300, 600, 1800, 3600, 10_800, 21_600, 43_200, 86_400];
const REFRESHES: readonly (readonly [number, string])[] = [
  [LIVE, 'Live'],
  [0, 'Pause'],
  [10_000, 'Every 10s'],
  [15_000, 'Every 15s'],
  [30_000, 'Every 30s'],
  [60_000, 'Every 1m'],
  [300_000, 'Every 5m'],
  [900_000, 'Every 15m'],
];

/** The second line of the masthead: the page's title, namespaces, time and refresh. */
export function PageToolbar({
  title,
  children,
  live,
  without = [],
}: {
  readonly title: string;
  readonly children?: ReactNode;
  readonly live?: boolean | undefined;
  /** Pickers that would change nothing on the page. */
  readonly without?: readonly ('duration' | 'namespaces')[];
}): ReactElement {
  const queries = useQueryClient();
  return (
    <div className="page-toolbar">
      <h1>{title}</h1>
      {!without.includes('namespaces') && <NamespacePicker />}
      {children}
      <span className="grow" />
      {!without.includes('duration') && <DurationPicker />}
      <RefreshPicker live={live} />
      <Tooltip label="Refresh now">
        <ActionIcon variant="default" size="md" aria-label="Refresh now" onClick={() => void queries.invalidateQueries()}>
          <Icon name="refresh" size={14} />
        </ActionIcon>
      </Tooltip>
    </div>
  );
}

function NamespacePicker(): ReactElement {
  const { all, chosen, choose } = useNamespaces();
  const [filter, setFilter] = useState('');
  const selected = new Set(chosen);
  const words = chosen.length === 1 ? (chosen[0] ?? '') : chosen.length === 0 ? 'Select namespaces' : `${chosen.length} namespaces`;
  return (
    <Popover position="bottom-start" shadow="md" width={260} trapFocus>
      <Popover.Target>
        <Button
          variant="default"
          size="xs"
          rightSection={<Icon name="down" size={10} />}
          aria-label={`Namespaces: ${chosen.join(', ') || 'none'}`}
          data-testid="namespace-picker"
        >
          <KindBadge kind="NS" />
          <span className="picker-value">{words}</span>
        </Button>
      </Popover.Target>
      <Popover.Dropdown>
        <TextInput
          size="xs"
          placeholder="Filter by name…"
          value={filter}
          onChange={(event) => setFilter(event.currentTarget.value)}
          aria-label="Filter namespaces by name"
        />
        <div className="picker-actions">
          <Button size="compact-xs" variant="subtle" onClick={() => choose(all.map((one) => one.name))}>
            Select all
          </Button>
          <Button size="compact-xs" variant="subtle" onClick={() => choose([])}>
            Clear all
          </Button>
        </div>
        <div className="picker-list">
          {all
            .filter((one) => one.name.includes(filter.trim()))
            .map((one) => (
              <Checkbox
                key={one.name}
                size="xs"
                label={one.name}
                checked={selected.has(one.name)}
                onChange={(event) => choose(event.currentTarget.checked ? [...chosen, one.name] : chosen.filter((name) => name !== one.name))}
              />
            ))}
          {all.length === 0 && <p className="quiet">No namespace is known.</p>}
        </div>
      </Popover.Dropdown>
    </Popover>
  );
}

function DurationPicker(): ReactElement {
  const [options, change] = useOptions();
  const known = DURATIONS.includes(options.durationSeconds) ? DURATIONS : [...DURATIONS, options.durationSeconds].toSorted((a, b) => a - b);
  return (
    <Select
      size="xs"
      w={112}
      aria-label="Duration"
      allowDeselect={false}
      value={String(options.durationSeconds)}
      leftSection={<Icon name="clock" size={13} />}
      comboboxProps={{ shadow: 'md' }}
      data={known.map((seconds) => ({ value: String(seconds), label: `Last ${formatSeconds(seconds)}` }))}
      onChange={(value) => {
        if (value !== null) change({ durationSeconds: Number(value) });
      }}
    />
  );
}

function RefreshPicker({ live }: { readonly live: boolean | undefined }): ReactElement {
  const [options, change] = useOptions();
  const current =
    REFRESHES.find(([ms]) => ms === options.refreshMs) ??
    ([options.refreshMs, `Every ${formatSeconds(Math.round(options.refreshMs / 1000))}`] as const);
  return (
    <Menu position="bottom-end" shadow="md">
      <Menu.Target>
        <Button
          variant="default"
          size="xs"
          rightSection={<Icon name="down" size={10} />}
          aria-label={`Refresh: ${current[1]}`}
          data-testid="refresh-picker"
        >
          {current[0] === LIVE && live !== undefined && <i className={`live-dot${live ? ' on' : ''}`} />}
          {current[1]}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        {REFRESHES.map(([ms, label]) => (
          <Menu.Item key={ms} onClick={() => change({ refreshMs: ms })} fw={ms === options.refreshMs ? 700 : 400}>
            {label}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
