import { Button, Checkbox, Popover, Radio } from '@mantine/core';
import type { ReactElement } from 'react';
import { Icon } from '../../components/icons.tsx';
import type { EdgeLabelKind } from '../../graph/render/labels.ts';
import type { EdgeLabels, Options } from '../../url/params.ts';
import { useOptions } from '../../url/router.ts';

type FlagKey = { [K in keyof Options]: Options[K] extends boolean ? K : never }[keyof Options];

const SHOW: readonly (readonly [FlagKey, string])[] = [
  ['boxCluster', 'Cluster Boxes'],
  ['boxNamespace', 'Namespace Boxes'],
  ['idleEdges', 'Idle Edges'],
  ['idleNodes', 'Idle Nodes'],
  ['rank', 'Rank'],
  ['serviceNodes', 'Service Nodes'],
  ['animation', 'Traffic Animation'],
];
const BADGES: readonly (readonly [FlagKey, string])[] = [
  ['badgeSidecar', 'Missing Sidecars'],
  ['badgeSecurity', 'Security'],
  ['badgeVS', 'Virtual Services'],
];
const LABELS: readonly (readonly [EdgeLabelKind, string])[] = [
  ['responseTime', 'Response Time'],
  ['throughput', 'Throughput'],
  ['trafficDistribution', 'Traffic Distribution'],
  ['trafficRate', 'Traffic Rate'],
];
const RESPONSE_TIMES = [
  ['avg', 'Average'],
  ['rt50', 'Median'],
  ['rt95', '95th Percentile'],
  ['rt99', '99th Percentile'],
] as const;
const THROUGHPUTS = [
  ['throughputRequest', 'Request'],
  ['throughputResponse', 'Response'],
] as const;

/** What the graph shows: edge labels, elements, badges. */
export function DisplayMenu(): ReactElement {
  const [options, change] = useOptions();
  const setLabels = (changes: Partial<EdgeLabels>): void => change({ edgeLabels: { ...options.edgeLabels, ...changes } });
  const toggle = (kind: EdgeLabelKind): void => {
    const kinds = new Set(options.edgeLabels.kinds);
    if (!kinds.delete(kind)) kinds.add(kind);
    setLabels({ kinds });
  };
  const flags = (list: readonly (readonly [FlagKey, string])[]): ReactElement[] =>
    list.map(([key, words]) => (
      <Checkbox key={key} size="xs" label={words} checked={options[key]} onChange={(event) => change({ [key]: event.currentTarget.checked })} />
    ));
  return (
    <Popover position="bottom-start" shadow="md" width={240}>
      <Popover.Target>
        <Button size="xs" variant="default" rightSection={<Icon name="down" size={10} />}>
          Display
        </Button>
      </Popover.Target>
      <Popover.Dropdown>
        <div className="display-menu">
          <h3>Show Edge Labels</h3>
          {LABELS.map(([kind, words]) => (
            <div key={kind}>
              <Checkbox size="xs" label={words} checked={options.edgeLabels.kinds.has(kind)} onChange={() => toggle(kind)} />
              {kind === 'responseTime' && options.edgeLabels.kinds.has(kind) && (
                <div className="sub">
                  {RESPONSE_TIMES.map(([value, label]) => (
                    <Radio
                      key={value}
                      size="xs"
                      label={label}
                      checked={options.edgeLabels.responseTime === value}
                      onChange={() => setLabels({ responseTime: value })}
                    />
                  ))}
                </div>
              )}
              {kind === 'throughput' && options.edgeLabels.kinds.has(kind) && (
                <div className="sub">
                  {THROUGHPUTS.map(([value, label]) => (
                    <Radio
                      key={value}
                      size="xs"
                      label={label}
                      checked={options.edgeLabels.throughput === value}
                      onChange={() => setLabels({ throughput: value })}
                    />
                  ))}
                </div>
              )}
            </div>
          ))}
          <h3>Show</h3>
          {flags(SHOW)}
          <h3>Show Badges</h3>
          {flags(BADGES)}
        </div>
      </Popover.Dropdown>
    </Popover>
  );
}
