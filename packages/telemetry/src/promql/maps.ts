import { civilTime } from '../utc.ts';

/** A function of one value (and scalar arguments); the metric's name is dropped from the result. */
export type MapFunction = (value: number, args: readonly number[]) => number;

const at = (value: number): ReturnType<typeof civilTime> => civilTime(value * 1000);

function round(value: number, [nearest = 1]: readonly number[]): number {
  // The inverse, as Prometheus does it: 1/0.001 is exact where 0.001 is not.
  const inverse = 1 / nearest;
  return Math.floor(value * inverse + 0.5) / inverse;
}

export const MAP_FUNCTIONS: Readonly<Record<string, MapFunction>> = {
  abs: Math.abs,
  ceil: Math.ceil,
  floor: Math.floor,
  round,
  clamp: (value, [low = NaN, high = NaN]) => Math.max(low, Math.min(high, value)),
  clamp_min: (value, [low = NaN]) => Math.max(low, value),
  clamp_max: (value, [high = NaN]) => Math.min(high, value),
  exp: Math.exp,
  sqrt: Math.sqrt,
  ln: Math.log,
  log2: Math.log2,
  log10: Math.log10,
  sgn: Math.sign,
  sin: Math.sin,
  cos: Math.cos,
  tan: Math.tan,
  asin: Math.asin,
  acos: Math.acos,
  atan: Math.atan,
  sinh: Math.sinh,
  cosh: Math.cosh,
  tanh: Math.tanh,
  asinh: Math.asinh,
  acosh: Math.acosh,
  atanh: Math.atanh,
  deg: (value) => (value * 180) / Math.PI,
  rad: (value) => (value * Math.PI) / 180,
};

/** Functions of a time in seconds; without an argument of the query's time. */
export const DATE_FUNCTIONS: Readonly<Record<string, MapFunction>> = {
  minute: (value) => at(value).minute,
  hour: (value) => at(value).hour,
  day_of_week: (value) => at(value).weekday,
  day_of_month: (value) => at(value).day,
  day_of_year: (value) => at(value).yearday,
  days_in_month: (value) => at(value).daysInMonth,
  month: (value) => at(value).month,
  year: (value) => at(value).year,
};
