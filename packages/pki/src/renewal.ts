import type { Random } from '@meltemi/base';

const JITTER = 0.1;
const MIN_DELAY_MS = 1000;
const MAX_DELAY_MS = 2 ** 31 - 1;
const MAX_RETRY_MS = 60_000;

/**
 * How long to wait before a certificate is renewed: half of what is left of it, ± 10 %, so that a fleet that started together spreads out.
 * Counted from now, not from its `notBefore`, which lies 150 s back. At least 1 s, so that an expired one cannot make a busy loop.
 */
export function renewalDelayMs(certificate: { readonly notAfterMs: number }, nowMs: number, random: Random): number {
  const half = (certificate.notAfterMs - nowMs) / 2;
  return Math.min(MAX_DELAY_MS, Math.max(MIN_DELAY_MS, half * (1 - JITTER + 2 * JITTER * random.next())));
}

/** How long to wait after the `failures`-th failed renewal in a row: 1 s doubling to 60 s, the upper half of it random. */
export function retryDelayMs(failures: number, random: Random): number {
  const ceiling = Math.min(MAX_RETRY_MS, MIN_DELAY_MS * 2 ** Math.max(0, Math.min(16, failures - 1)));
  return ceiling * (0.5 + 0.5 * random.next());
}
