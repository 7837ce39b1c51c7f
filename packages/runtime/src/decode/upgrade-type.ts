import type { Reader } from './reader.ts';

/** `upgrade_type` in lower case. */
export function decodeUpgradeType(reader: Reader): string {
  const type = reader.string('upgrade_type').toLowerCase();
  reader.require('upgrade_type', type !== '' && type !== 'h2c' && type !== 'connect-udp', `upgrade "${type}" is not supported by this proxy`);
  return type;
}
