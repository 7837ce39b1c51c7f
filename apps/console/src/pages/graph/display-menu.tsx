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
  const flags = (list: readonly (readonly [FlagKey, string])[]): ReactElement[] =>
    list.map(([key, words]) => (
      <Checkbox key={key} size="xs" label={words} checked={options[key]} onChange={(event) => change({ [key]: event.currentTarget.checked })} />
    ));
  return (
    <Popover position="bottom-start" shadow="md" width={240} trapFocus>
      <Popover.Target>
        <Button size="xs" variant="default" rightSection={<Icon name="down" size={10} />}>
          Display
        </Button>
      </Popover.Target>
      <Popover.Dropdown>
        <div className="display-menu">
          <h3>Show Edge Labels</h3>
          {LABELS.map(([kind, words]) => (
            <EdgeLabelOption key={kind} kind={kind} words={words} />
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

/** One kind of label, and below it its variants while it is shown. */
function EdgeLabelOption({ kind, words }: { readonly kind: EdgeLabelKind; readonly words: string }): ReactElement {
  const [{ edgeLabels }, change] = useOptions();
  const set = (changes: Partial<EdgeLabels>): void => change({ edgeLabels: { ...edgeLabels, ...changes } });
  const isOn = edgeLabels.kinds.has(kind);
  const toggle = (): void => {
    const kinds = new Set(edgeLabels.kinds);
    if (!kinds.delete(kind)) kinds.add(kind);
    set({ kinds });
  };
  return (
    <div>
      <Checkbox size="xs" label={words} checked={isOn} onChange={toggle} />
      {kind === 'responseTime' && isOn && (
        <div className="sub">
          {RESPONSE_TIMES.map(([value, label]) => (
            <Radio key={value} size="xs" label={label} checked={edgeLabels.responseTime === value} onChange={() => set({ responseTime: value })} />
          ))}
        </div>
      )}
      {kind === 'throughput' && isOn && (
        <div className="sub">
          {THROUGHPUTS.map(([value, label]) => (
            <Radio key={value} size="xs" label={label} checked={edgeLabels.throughput === value} onChange={() => set({ throughput: value })} />
          ))}
        </div>
      )}
    </div>
  );
}
