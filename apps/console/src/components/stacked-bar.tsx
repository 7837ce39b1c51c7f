import type { ReactElement } from 'react';
import type { Rates } from '../graph/model.ts';
import { formatPercent } from '../graph/format.ts';

const PARTS = [
  { key: 'ok', words: 'OK', color: 'var(--success)' },
  { key: 'redirect', words: '3xx', color: 'var(--info)' },
  { key: 'clientError', words: '4xx', color: 'var(--warning)' },
  { key: 'serverError', words: '5xx', color: 'var(--danger)' },
  { key: 'noResponse', words: 'NR', color: 'var(--idle)' },
] as const;

/** Requests by outcome as one bar of 100 %, each part named and numbered below. */
export function StackedBar({ rates, grpc = false }: { readonly rates: Rates; readonly grpc?: boolean }): ReactElement {
  const parts = PARTS.filter((part) => !grpc || !['redirect', 'clientError'].includes(part.key)).map((part) => ({
    ...part,
    words: grpc && part.key === 'serverError' ? 'Error' : part.words,
    percent: rates.total > 0 ? (rates[part.key] / rates.total) * 100 : 0,
  }));
  return (
    <div className="stacked">
      <div className="stacked-bar" role="img" aria-label={parts.map((part) => `${part.words} ${formatPercent(part.percent)}`).join(', ')}>
        {parts.map(
          (part) =>
            part.percent > 0 && (
              <span
                key={part.key}
                style={{ width: `${part.percent}%`, background: part.color }}
                title={`${part.words}: ${formatPercent(part.percent)}`}
              />
            ),
        )}
      </div>
      <ul className="stacked-legend">
        {parts.map((part) => (
          <li key={part.key} data-zero={part.percent === 0}>
            <i style={{ background: part.color }} />
            {part.words} <b>{formatPercent(part.percent)}</b>
          </li>
        ))}
      </ul>
    </div>
  );
}
