import type { ReactElement } from 'react';

type Points = readonly (readonly [number, number])[];

interface SparklineProps {
  readonly requests: Points;
  readonly errors?: Points;
  readonly height?: number;
  readonly label: string;
}

/** A small area of requests over time with the failed ones in front. */
export function Sparkline({ requests, errors = [], height = 44, label }: SparklineProps): ReactElement {
  const times = requests.map(([time]) => time);
  const [start, end] = [Math.min(...times), Math.max(...times)];
  const top = Math.max(0.001, ...requests.map(([, value]) => value));
  const at = ([time, value]: readonly [number, number]): string =>
    `${(((time - start) / Math.max(1, end - start)) * 200).toFixed(1)},${(40 - (value / top) * 37).toFixed(1)}`;
  return (
    <svg className="sparkline" viewBox="0 0 200 41" preserveAspectRatio="none" height={height} role="img" aria-label={label}>
      <path d="M0,40.500 H200" stroke="var(--line)" strokeWidth="1" vectorEffect="non-scaling-stroke" />
      <Area points={requests} at={at} color="var(--tcp)" />
      {errors.some(([, value]) => value > 0) && <Area points={errors} at={at} color="var(--danger)" />}
    </svg>
  );
}

interface AreaProps {
  readonly points: Points;
  readonly at: (point: readonly [number, number]) => string;
  readonly color: string;
}

function Area({ points, at, color }: AreaProps): ReactElement | null {
  const [first, last] = [points[0], points.at(-1)];
  if (first === undefined || last === undefined) return null;
  const way = points.map(at).join(' L');
  return (
    <>
      <path d={`M${at([first[0], 0])} L${way} L${at([last[0], 0])} Z`} fill={color} fillOpacity="0.16" />
      <path d={`M${way}`} fill="none" stroke={color} strokeWidth="1.5" vectorEffect="non-scaling-stroke" />
    </>
  );
}
