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
  {
    case: 'http2/HTTP/1.1 answers to HTTP/2: hop-by-hop headers stay behind',
    at: ['0.responses.0.headers.x-hop'],
    embedded: {},
    reason: 'what an upstream names in Connection is for this hop only (RFC 9110 section 7.6.1); Envoy passes it on',
  },
  ...(
    [
      ['headers with underscores are refused over HTTP/2 as well', ['log.0.authority', 'log.0.details', 'log.0.method', 'log.0.path', 'log.0.sent']],
      ['a head over the limit', ['log.0.sent']],
    ] as const
  ).map(([name, more]) => ({
    case: `http2/${name}`,
    at: ['0.responses.0', '0.rst', 'log.0.code', 'log.0.flags', ...more],
    embedded: { 'log.0.flags': 'DPE' },
    reason: 'a request that is refused is answered, over HTTP/2 as over HTTP/1.1, so that its sender learns why; Envoy resets the stream',
  })),
  {
    case: 'compression/*',
    at: ['log.*.sent'],
    embedded: {},
    reason: 'another build of the same library puts the same text into a few bytes more or less',
  },
  {
    case: 'compression/vary that says it already',
    at: ['0.responses.0.headers.vary'],
    embedded: { '0.responses.0.headers.vary': 'cookie, accept-encoding' },
    reason: 'names of headers are the same in any case; Envoy adds the name once more',
  },
  {
    case: 'small-filters/a health check is answered by the proxy',
    at: ['0.responses.0.headers.x-envoy-upstream-healthchecked-cluster'],
    embedded: {},
    reason: "the data plane does not know its node's cluster name",
  },
];
