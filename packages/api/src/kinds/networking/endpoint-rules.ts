import type { Finding } from '../../kind.ts';
import { hostFault, isIp } from '../../schema/formats.ts';
import type { WorkloadEntry } from './workload-entry.ts';

/** Form of an endpoint address. */
export type AddressForm = 'none' | 'ip' | 'unix' | 'dns' | 'bad';

/** Tells an IP address, a Unix socket (`unix:///path`, `unix://@abstract`; systems take 107 bytes) and a DNS name apart. */
export function addressForm(address: string | undefined): AddressForm {
  if (address === undefined || address === '') return 'none';
  if (isIp(address)) return 'ip';
  if (address.startsWith('unix://')) return /^unix:\/\/[/@].{1,106}$/.test(address) ? 'unix' : 'bad';
  return hostFault(address, { wildcard: false, ip: false }) === undefined ? 'dns' : 'bad';
}

/** Rules for a WorkloadEntry, alone or inside a ServiceEntry. */
export function endpointRules(entry: WorkloadEntry, at: readonly (string | number)[]): Finding[] {
  const form = addressForm(entry.address);
  const findings: Finding[] = [];
  if (form === 'none' && (entry.network ?? '') === '') findings.push({ path: at, message: 'an endpoint needs an address (or a network)' });
  if (form === 'bad')
    findings.push({
      path: [...at, 'address'],
      message: `"${entry.address ?? ''}" is neither an IP address, a DNS name nor an absolute unix:// path`,
    });
  if (form === 'unix' && Object.keys(entry.ports ?? {}).length > 0) findings.push({ path: [...at, 'ports'], message: 'a Unix socket has no ports' });
  return findings;
}
