import { ActionIcon } from '@mantine/core';
import type { ReactElement, ReactNode } from 'react';
import { Icon } from '../../components/icons.tsx';

interface Entry {
  readonly sign: ReactNode;
  readonly words: string;
}

function shape(path: string): ReactNode {
  return (
    <svg width="24" height="20" viewBox="0 0 24 20">
      <path d={path} fill="var(--surface)" stroke="var(--success)" strokeWidth="1.8" strokeLinejoin="round" />
    </svg>
  );
}

function ring(color: string): ReactNode {
  return (
    <svg width="24" height="20">
      <circle cx="12" cy="10" r="7.500" fill="var(--surface)" stroke={color} strokeWidth="2.200" />
    </svg>
  );
}

function line(color: string, dashed = false): ReactNode {
  return (
    <svg width="30" height="20">
      <path d="M1,10 H22" stroke={color} strokeWidth="2.400" strokeDasharray={dashed ? '5 4' : undefined} />
      <path d="M29,10 l-9,-4.500 v9z" fill={color} />
    </svg>
  );
}

function box(dashed: boolean): ReactNode {
  return (
    <svg width="26" height="20">
      <rect x="1.500" y="2.500" width="23" height="15" rx="3" fill="none" stroke="var(--soft)" strokeDasharray={dashed ? '4 3' : undefined} />
    </svg>
  );
}

function dot(kind: 'error' | 'success' | 'tcp'): ReactNode {
  if (kind === 'error')
    return (
      <svg width="24" height="20">
        <path d="M12,4 l6,6 -6,6 -6,-6z" fill="#fff" stroke="var(--danger)" strokeWidth="2" />
      </svg>
    );
  return (
    <svg width="24" height="20">
      <circle
        cx="12"
        cy="10"
        r={kind === 'tcp' ? 3.5 : 4.5}
        fill={kind === 'tcp' ? '#a3a3a3' : '#fff'}
        stroke={kind === 'tcp' ? 'var(--tcp)' : 'var(--success)'}
        strokeWidth="1.700"
      />
    </svg>
  );
}

const GROUPS: readonly (readonly [string, readonly Entry[]])[] = [
  [
    'Node Shapes',
    [
      { sign: shape('M12 2.500a7.500 7.500 0 1 1 0 15 7.500 7.500 0 0 1 0-15Z'), words: 'Workload' },
      { sign: shape('M4.500 2.500h15v15h-15Z'), words: 'App' },
      { sign: shape('M12 2l9 15H3Z'), words: 'Service' },
      { sign: shape('M8 3h8l4 14H4Z'), words: 'Service Entry' },
      { sign: shape('M8 3h8l5 7-5 7H8L3 10Z'), words: 'Operation' },
    ],
  ],
  [
    'Node Colors',
    [
      { sign: ring('var(--success)'), words: 'Healthy' },
      { sign: ring('var(--warning)'), words: 'Degraded' },
      { sign: ring('var(--danger)'), words: 'Failure' },
      { sign: ring('var(--info)'), words: 'Not Ready' },
      { sign: ring('var(--idle)'), words: 'Idle' },
    ],
  ],
  [
    'Node Background',
    [
      { sign: box(true), words: 'Namespace' },
      { sign: box(false), words: 'App, its versions' },
    ],
  ],
  [
    'Edges',
    [
      { sign: line('var(--success)'), words: 'Healthy' },
      { sign: line('var(--warning)'), words: 'Degraded' },
      { sign: line('var(--danger)'), words: 'Failure' },
      { sign: line('var(--tcp)'), words: 'TCP Connection' },
      { sign: line('var(--idle)', true), words: 'Idle' },
      { sign: <Icon name="lock" size={13} />, words: 'mTLS' },
    ],
  ],
  [
    'Traffic Animation',
    [
      { sign: dot('success'), words: 'Request' },
      { sign: dot('error'), words: 'Failed Request' },
      { sign: dot('tcp'), words: 'TCP Traffic' },
    ],
  ],
  [
    'Node Badges',
    [
      { sign: <span className="corner">ϟ</span>, words: 'Circuit Breaker' },
      { sign: <span className="corner">⑂</span>, words: 'Virtual Service' },
      { sign: <span className="corner danger">×</span>, words: 'Missing Sidecar' },
      { sign: <span className="corner">◍</span>, words: 'Gateway' },
      { sign: <span className="corner">→</span>, words: 'Traffic Source' },
    ],
  ],
];

/** What the signs of the graph mean. */
export function Legend({ close }: { readonly close: () => void }): ReactElement {
  return (
    <aside className="legend" aria-label="Legend" data-testid="legend">
      <header>
        <b>Legend</b>
        <ActionIcon variant="subtle" color="gray" size="sm" aria-label="Close legend" onClick={close}>
          <Icon name="close" size={11} />
        </ActionIcon>
      </header>
      {GROUPS.map(([title, entries]) => (
        <section key={title}>
          <h3>{title}</h3>
          {entries.map((entry) => (
            <div key={entry.words}>
              <span className="sign" aria-hidden="true">
                {entry.sign}
              </span>
              {entry.words}
            </div>
          ))}
        </section>
      ))}
    </aside>
  );
}
