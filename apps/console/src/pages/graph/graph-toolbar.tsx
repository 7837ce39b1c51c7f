import { Button, Menu, Select, Tooltip, ActionIcon } from '@mantine/core';
import type { ReactElement } from 'react';
import { Icon, type IconName } from '../../components/icons.tsx';
import type { Needs } from '../../graph/find/operands.ts';
import { parseFind } from '../../graph/find/parse.ts';
import { FIND_PRESETS, HIDE_PRESETS } from '../../graph/find/help.ts';
import { protocolsOf, type Options } from '../../url/params.ts';
import { useOptions } from '../../url/router.ts';
import { DisplayMenu } from './display-menu.tsx';
import { FindBox } from './find-box.tsx';
import { FindHelp } from './find-help.tsx';

const GRAPH_TYPES = [
  { value: 'app', label: 'App graph' },
  { value: 'service', label: 'Service graph' },
  { value: 'versionedApp', label: 'Versioned app graph' },
  { value: 'workload', label: 'Workload graph' },
] as const;
const TRAFFIC = [
  ['http', 'HTTP: requests'],
  ['grpc', 'gRPC: requests'],
  ['tcp', 'TCP: sent bytes'],
] as const;

/** Options that an expression needs in order to say anything. */
function neededOptions(options: Options, needs: readonly Needs[]): Partial<Options> {
  const changes: Record<string, unknown> = {};
  const kinds = new Set(options.edgeLabels.kinds);
  for (const need of needs) {
    if (need === 'responseTime' || need === 'throughput') kinds.add(need);
    else changes[need] = true;
  }
  if (kinds.size !== options.edgeLabels.kinds.size) changes['edgeLabels'] = { ...options.edgeLabels, kinds };
  return changes;
}

/** What is drawn and how: graph type, traffic, display, find and hide. */
export function GraphToolbar({ found }: { readonly found: number | undefined }): ReactElement {
  const [options, change] = useOptions();
  const apply = (which: 'find' | 'hide', text: string): void => {
    const parsed = parseFind(text);
    change({ [which]: text, ...(parsed.t === 'ok' ? neededOptions(options, parsed.query.needs) : {}) });
  };
  return (
    <div className="graph-toolbar">
      <TrafficMenu />
      <Select
        size="xs"
        w={172}
        aria-label="Graph type"
        data={GRAPH_TYPES}
        value={options.graphType}
        allowDeselect={false}
        comboboxProps={{ shadow: 'md' }}
        onChange={(value) => {
          const graphType = GRAPH_TYPES.find((one) => one.value === value)?.value;
          if (graphType !== undefined) change({ graphType, selected: '' });
        }}
      />
      <DisplayMenu />
      <FindBox
        name="Find"
        value={options.find}
        presets={FIND_PRESETS}
        apply={(text) => apply('find', text)}
        {...(found === undefined ? {} : { note: `${found} found` })}
      />
      <FindBox name="Hide" value={options.hide} presets={HIDE_PRESETS} apply={(text) => apply('hide', text)} />
      <FindHelp />
      <span className="grow" />
      <Toggle
        name="Table"
        icon="table"
        pressed={options.view === 'table'}
        words={options.view === 'table' ? 'Show as graph' : 'Show as table'}
        run={() => change({ view: options.view === 'table' ? 'canvas' : 'table' })}
      />
      <Toggle
        name="Side panel"
        icon="panel"
        pressed={options.panel}
        words={options.panel ? 'Hide side panel' : 'Show side panel'}
        run={() => change({ panel: !options.panel })}
      />
    </div>
  );
}

/** Which protocols count; one at least. */
function TrafficMenu(): ReactElement {
  const [options, change] = useOptions();
  const protocols = protocolsOf(options.traffic);
  const toggle = (name: string): void => {
    const next = new Set(protocols);
    if (!next.delete(name)) next.add(name);
    if (next.size > 0) change({ traffic: ['grpc', 'http', 'tcp'].filter((one) => next.has(one)).join(',') });
  };
  return (
    <Menu shadow="md" closeOnItemClick={false} position="bottom-start">
      <Menu.Target>
        <Button size="xs" variant="default" rightSection={<Icon name="down" size={10} />}>
          Traffic
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        {TRAFFIC.map(([name, words]) => (
          <Menu.Item
            key={name}
            role="menuitemcheckbox"
            aria-checked={protocols.has(name)}
            leftSection={<span className="check">{protocols.has(name) ? '✓' : ''}</span>}
            onClick={() => toggle(name)}
          >
            {words}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}

interface ToggleProps {
  readonly name: string;
  readonly icon: IconName;
  readonly pressed: boolean;
  readonly words: string;
  readonly run: () => void;
}

function Toggle({ name, icon, pressed, words, run }: ToggleProps): ReactElement {
  return (
    <Tooltip label={words}>
      <ActionIcon variant={pressed ? 'filled' : 'default'} size="md" aria-label={name} aria-pressed={pressed} onClick={run}>
        <Icon name={icon} size={15} />
      </ActionIcon>
    </Tooltip>
  );
}
