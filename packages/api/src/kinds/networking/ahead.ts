/**
 * Fields that the control plane translates and a real Envoy does, while our own proxy does not yet: refused until it does. To put one in force, delete its
 * line here and the refusal of its golden in `translate/src/golden-decoded.test.ts`.
 */
export const VIRTUAL_SERVICE_AHEAD: Readonly<Record<string, string>> = {};

const NOT_YET = 'the embedded proxy does not do it yet';

/** The same for DestinationRule, below a traffic policy of the rule, of a subset or of a port. */
export const TRAFFIC_POLICY_AHEAD: Readonly<Record<string, string>> = {};

/** The same, of what a port cannot say. */
export const WHOLE_POLICY_AHEAD: Readonly<Record<string, string>> = {
  'retryBudget.budgetInterval': NOT_YET,
};
