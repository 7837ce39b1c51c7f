import type { Host } from '@meltemi/runtime';

/** The host is no longer healthy: idle connections go, busy ones after their requests. */
export function drainPool({ slot }: Host): void {
  if (isPool(slot)) slot.renew();
}

/** Whatever kind of pool the owner of connections keeps there. */
function isPool(slot: unknown): slot is { renew(): void } {
  return typeof slot === 'object' && slot !== null && 'renew' in slot && typeof slot.renew === 'function';
}
