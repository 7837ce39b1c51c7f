import type { ValueType } from './ast.ts';
import { DATE_FUNCTIONS, MAP_FUNCTIONS } from './maps.ts';
import { WINDOW_FUNCTIONS } from './windows.ts';

/** What a function takes and gives. The last type repeats when `repeat`; `optional` arguments may be left out at the end. */
export interface Signature {
  readonly kind: 'window' | 'map' | 'date' | 'special';
  readonly args: readonly ValueType[];
  readonly optional: number;
  readonly repeat: boolean;
  readonly returns: ValueType;
}

function signature(kind: Signature['kind'], args: readonly ValueType[], rest: Partial<Signature> = {}): Signature {
  return { kind, args, optional: 0, repeat: false, returns: 'vector', ...rest };
}

const SCALARS: Readonly<Record<string, number>> = { clamp: 2, clamp_min: 1, clamp_max: 1, round: 1 };

/** Every function there is, with its types. Implementations are in `windows.ts`, `maps.ts` and `special.ts`. */
export const FUNCTIONS: Readonly<Record<string, Signature | undefined>> = {
  ...Object.fromEntries(Object.keys(WINDOW_FUNCTIONS).map((name) => [name, signature('window', ['matrix'])])),
  ...Object.fromEntries(
    Object.keys(MAP_FUNCTIONS).map((name) => {
      const scalars: ValueType[] = Array.from({ length: SCALARS[name] ?? 0 }, () => 'scalar');
      return [name, signature('map', ['vector', ...scalars], { optional: name === 'round' ? 1 : 0 })];
    }),
  ),
  ...Object.fromEntries(Object.keys(DATE_FUNCTIONS).map((name) => [name, signature('date', ['vector'], { optional: 1 })])),
  predict_linear: signature('window', ['matrix', 'scalar']),
  quantile_over_time: signature('special', ['scalar', 'matrix']),
  absent_over_time: signature('special', ['matrix']),
  absent: signature('special', ['vector']),
  histogram_quantile: signature('special', ['scalar', 'vector']),
  label_replace: signature('special', ['vector', 'string', 'string', 'string', 'string']),
  label_join: signature('special', ['vector', 'string', 'string', 'string'], { optional: 1, repeat: true }),
  sort: signature('special', ['vector']),
  sort_desc: signature('special', ['vector']),
  sort_by_label: signature('special', ['vector', 'string'], { repeat: true }),
  sort_by_label_desc: signature('special', ['vector', 'string'], { repeat: true }),
  scalar: signature('special', ['vector'], { returns: 'scalar' }),
  vector: signature('special', ['scalar']),
  time: signature('special', [], { returns: 'scalar' }),
  pi: signature('special', [], { returns: 'scalar' }),
  timestamp: signature('special', ['vector']),
};
