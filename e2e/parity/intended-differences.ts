/**
 * Where our proxy differs from Envoy on purpose. Everything else that differs fails, and so does an entry that no longer differs.
 */
export interface IntendedDifference {
  /** `topic/name of the case`, or `topic/*`. */
  readonly case: string;
  /** Paths in the observation below which the two may differ (`0.responses`, `log.0.details`; `*` stands for one segment). Step numbers come first. */
  readonly at: readonly string[];
  /** What ours shows there, as exactly as it matters. */
  readonly embedded: Readonly<Record<string, string | number | boolean | RegExp | null>>;
  readonly reason: string;
}

export const INTENDED_DIFFERENCES: readonly IntendedDifference[] = [
  {
    case: 'http1-strictness/*',
    at: ['log.*.termination'],
    embedded: {},
    reason: 'CONNECTION_TERMINATION_DETAILS names the rule that was broken (http1.bad-length); Envoy leaves it empty',
  },
  ...['keys are fetched once, and kept', 'keys that cannot be fetched open nothing', 'after a failure keys are fetched again'].map((name) => ({
    case: `jwt/${name}`,
    at: ['user-agent', 'x-envoy-internal', 'x-envoy-expected-rq-timeout-ms', 'x-forwarded-for'].map((header) => `*.backend.0.headers.${header}`),
    embedded: {},
    reason: "a question of the proxy's own says what is asked, and not that a browser or a client of the mesh asks it",
  })),
];
