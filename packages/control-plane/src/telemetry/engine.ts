import {
  instantQuery,
  parsePromql,
  rangeQuery,
  type Expr,
  type GraphQuery,
  type PromqlEngine,
  type QueryRange,
  type QueryResult,
  type SeriesSource,
} from '@meltemi/telemetry';
import { re2Port } from './regex.ts';

/** PromQL over the store, with what was parsed kept: consoles ask the same again and again. */
export interface QueryEngine {
  readonly parse: (query: string) => Expr;
  instant(query: string, timeMs: number): QueryResult;
  range(query: string, range: QueryRange): QueryResult;
  /** Instant vectors for the graph and for health. */
  readonly graphQuery: GraphQuery;
}

const MAX_PARSED = 500;

export function createQueryEngine(source: SeriesSource): QueryEngine {
  const engine: PromqlEngine = { source, regex: re2Port };
  const parsed = new Map<string, Expr>();
  const parse = (query: string): Expr => {
    let expr = parsed.get(query);
    if (expr === undefined) {
      expr = parsePromql(query, re2Port);
      if (parsed.size >= MAX_PARSED) parsed.clear();
      parsed.set(query, expr);
    }
    return expr;
  };
  return {
    parse,
    instant: (query, timeMs) => instantQuery(engine, parse(query), timeMs),
    range: (query, range) => rangeQuery(engine, parse(query), range),
    graphQuery: (query, timeMs) => {
      const result = instantQuery(engine, parse(query), timeMs);
      return Promise.resolve(result.t === 'vector' ? result.samples : []);
    },
  };
}
