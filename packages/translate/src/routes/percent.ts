import type { FractionalPercent } from '@meltemi/protos-types';

/** A percentage (0..100) as millionths, the finest step Envoy knows: 0.0001 % is one. */
export function millionths(percent: number): FractionalPercent {
  return { numerator: Math.round(percent * 10_000), denominator: 'MILLION' };
}
