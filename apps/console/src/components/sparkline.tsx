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
  const area = (points: Points): string => {
    const at = ([time, value]: readonly [number, number]): string =>
      `${(((time - start) / Math.max(1, end - start)) * 200).toFixed(1)},${(40 - (value / top) * 37).toFixed(1)}`;
    const [first, last] = [points[0], points.at(-1)];
    if (first === undefined || last === undefined) return '';
    return `M${at([first[0], 0])} L${points.map(at).join(' L')} L${at([last[0], 0])} Z`;
  };
  return (
    <svg className="sparkline" viewBox="0 0 200 41" preserveAspectRatio="none" height={height} role="img" aria-label={label}>
      <path d="M0,40.500 H200" stroke="var(--line)" strokeWidth="1" vectorEffect="non-scaling-stroke" />
      <path d={area(requests)} fill="var(--tcp)" fillOpacity="0.18" stroke="var(--tcp)" strokeWidth="1.5" vectorEffect="non-scaling-stroke" />
      {errors.length > 0 && (
        <path d={area(errors)} fill="var(--danger)" fillOpacity="0.35" stroke="var(--danger)" strokeWidth="1.2" vectorEffect="non-scaling-stroke" />
      )}
    </svg>
  );
}
