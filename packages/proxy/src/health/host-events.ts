import type { Host } from '@meltemi/runtime';

/**
 * What one thread has found out about a host, for the others: in Envoy, too, this is known to the whole process. One thread checks, all hear of it; whoever
 * ejects a host tells.
 */
export type HostEvent =
  | { readonly t: 'checked'; readonly cluster: string; readonly host: string; readonly health: Host['activeHealth'] }
  | { readonly t: 'ejected'; readonly cluster: string; readonly host: string; readonly forMs: number };
