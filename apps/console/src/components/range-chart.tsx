import type { ReactElement } from 'react';

export interface ChartLine {
  readonly name: string;
  readonly color: string;
  readonly points: readonly (readonly [number, number])[];
  readonly area?: boolean;
}

interface RangeChartProps {
  readonly title: string;
  readonly lines: readonly ChartLine[];
  readonly format: (value: number) => string;
  readonly empty?: string;
}

const WIDTH = 300;
const HEIGHT = 74;

/** Lines over time, each with its least and greatest value in words. */
export function RangeChart({ title, lines, format, empty = 'No data' }: RangeChartProps): ReactElement {
  const all = lines.flatMap((line) => line.points);
  if (all.length < 2) {
    return (
      <figure className="range-chart">
        <figcaption>{title}</figcaption>
        <p className="quiet">{empty}</p>
      </figure>
    );
  }
  const at = scaleOf(all);
  return (
    <figure className="range-chart">
      <figcaption>{title}</figcaption>
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`${title}: ${lines.map((line) => `${line.name} ${extremes(line, format)}`).join('; ')}`}
      >
        {[0.25, 0.5, 0.75].map((share) => (
          <path key={share} className="grid-line" d={`M0,${HEIGHT * share} H${WIDTH}`} />
        ))}
        <path className="base-line" d={`M0,${HEIGHT - 0.5} H${WIDTH}`} />
        {lines.map((line) => line.points.length > 1 && <Line key={line.name} line={line} at={at} />)}
      </svg>
      <ul>
        {lines.map((line) => (
          <li key={line.name}>
            <i style={{ background: line.color }} />
            {line.name} <span>{extremes(line, format)}</span>
          </li>
        ))}
      </ul>
    </figure>
  );
}

type ChartPoint = readonly [number, number];

/** Where a point stands in the picture, so that all of them fit. */
function scaleOf(points: readonly ChartPoint[]): (point: ChartPoint) => string {
  const times = points.map(([time]) => time);
  const [start, end] = [Math.min(...times), Math.max(...times)];
  const top = Math.max(...points.map(([, value]) => value)) * 1.1 || 1;
  return ([time, value]) =>
    `${(((time - start) / Math.max(1, end - start)) * WIDTH).toFixed(1)},${(HEIGHT - 2 - (value / top) * (HEIGHT - 6)).toFixed(1)}`;
}

function Line({ line, at }: { readonly line: ChartLine; readonly at: (point: ChartPoint) => string }): ReactElement {
  const [first, last] = [line.points[0]?.[0] ?? 0, line.points.at(-1)?.[0] ?? 0];
  const way = line.points.map(at).join(' L');
  return (
    <g>
      {line.area === true && <path d={`M${at([first, 0])} L${way} L${at([last, 0])} Z`} fill={line.color} fillOpacity="0.15" />}
      <path className="chart-line" d={`M${way}`} stroke={line.color} />
    </g>
  );
}

function extremes(line: ChartLine, format: (value: number) => string): string {
  if (line.points.length === 0) return 'no data';
  const values = line.points.map(([, value]) => value);
  return `${format(Math.min(...values))} / ${format(Math.max(...values))}`;
}
