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
  const times = all.map(([time]) => time);
  const [start, end] = [Math.min(...times), Math.max(...times)];
  const top = Math.max(...all.map(([, value]) => value)) * 1.1 || 1;
  const at = ([time, value]: readonly [number, number]): string =>
    `${(((time - start) / Math.max(1, end - start)) * WIDTH).toFixed(1)},${(HEIGHT - 2 - (value / top) * (HEIGHT - 6)).toFixed(1)}`;
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
          <path
            key={share}
            d={`M0,${HEIGHT * share} H${WIDTH}`}
            stroke="var(--line)"
            strokeWidth="0.6"
            strokeDasharray="3 3"
            vectorEffect="non-scaling-stroke"
          />
        ))}
        <path d={`M0,${HEIGHT - 0.5} H${WIDTH}`} stroke="var(--line)" vectorEffect="non-scaling-stroke" />
        {lines.map(
          (line) =>
            line.points.length > 1 && (
              <g key={line.name}>
                {line.area === true && (
                  <path
                    d={`M${at([line.points[0]?.[0] ?? start, 0])} L${line.points.map(at).join(' L')} L${at([line.points.at(-1)?.[0] ?? end, 0])} Z`}
                    fill={line.color}
                    fillOpacity="0.15"
                  />
                )}
                <path
                  d={`M${line.points.map(at).join(' L')}`}
                  fill="none"
                  stroke={line.color}
                  strokeWidth="1.6"
                  strokeLinejoin="round"
                  vectorEffect="non-scaling-stroke"
                />
              </g>
            ),
        )}
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

function extremes(line: ChartLine, format: (value: number) => string): string {
  if (line.points.length === 0) return 'no data';
  const values = line.points.map(([, value]) => value);
  return `${format(Math.min(...values))} / ${format(Math.max(...values))}`;
}
