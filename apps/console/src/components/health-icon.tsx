import { Tooltip } from '@mantine/core';
import type { ReactElement } from 'react';
import type { HealthStatus } from '../api/kiali.ts';
import { Icon, type IconName } from './icons.tsx';

const LOOK: Readonly<Record<HealthStatus, { readonly icon: IconName; readonly color: string; readonly words: string }>> = {
  Healthy: { icon: 'check', color: 'var(--success)', words: 'Healthy' },
  Degraded: { icon: 'warning', color: 'var(--warning)', words: 'Degraded' },
  Failure: { icon: 'error', color: 'var(--danger)', words: 'Failure' },
  'Not Ready': { icon: 'minus', color: 'var(--info)', words: 'Not Ready' },
  NA: { icon: 'unknown', color: 'var(--soft)', words: 'No health information' },
};

/** The sign of a health state, with its words on hover and for screen readers. */
export function HealthIcon({
  status,
  detail,
  size = 16,
}: {
  readonly status: HealthStatus;
  readonly detail?: string;
  readonly size?: number;
}): ReactElement {
  const { icon, color, words } = LOOK[status];
  return (
    <Tooltip label={detail === undefined ? words : `${words}: ${detail}`} withArrow>
      <span className="inline-icon" data-health={status}>
        <Icon name={icon} size={size} color={color} title={words} />
      </span>
    </Tooltip>
  );
}
