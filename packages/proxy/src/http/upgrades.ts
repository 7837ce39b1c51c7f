import type { Exchange } from './exchange.ts';

/** The `upgrade` of a CONNECT request. */
export const CONNECT = 'connect';

/** Is this the answer by which the upstream agrees to change the protocol (`upgrade` of the request)? */
export function switches(upgrade: string, status: number): boolean {
  return upgrade === CONNECT ? status >= 200 && status < 300 : upgrade !== '' && status === 101;
}

/** Whether the request may not change to what it asks for. The route's word counts more than the connection manager's. */
export function isUpgradeRefused({ upgrade, forward, plan }: Exchange): boolean {
  const own = forward?.config.upgrades?.find(({ type }) => type === upgrade);
  return own === undefined ? !plan.upgrades.has(upgrade) : !own.enabled;
}

/** Is the CONNECT request to end here, its bytes going to the upstream as they are? */
export function endsHere({ upgrade, forward }: Exchange): boolean {
  return upgrade === CONNECT && forward?.config.upgrades?.some(({ type, terminate }) => type === CONNECT && terminate) === true;
}
