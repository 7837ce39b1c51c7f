/** The parts of a call's target. */
export interface Target {
  readonly kind: 'http' | 'https' | 'tcp' | 'tls';
  readonly host: string;
  readonly port: number;
  /** With query; `/` when left out. Empty for TCP. */
  readonly path: string;
}

const PORTS = { http: 80, https: 443, tcp: 0, tls: 443 } as const;

/** Reads `http://reviews:9080/path`; undefined: it is none. */
export function parseTarget(text: string): Target | undefined {
  const match = /^(https?|tcp|tls):\/\/(\[[0-9a-fA-F:.]+\]|[^/:?#[\]]+)(?::(\d{1,5}))?(\/[^#]*)?$/.exec(text);
  if (match === null) return undefined;
  const kind = match[1] as Target['kind'];
  const port = match[3] === undefined ? PORTS[kind] : Number(match[3]);
  if (port < 1 || port > 65_535) return undefined;
  return { kind, host: (match[2] ?? '').toLowerCase(), port, path: kind === 'http' ? (match[4] ?? '/') : '' };
}
