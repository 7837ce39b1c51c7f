import type { Origin, Problem } from '@meltemi/base';
import type { Config } from '../config.ts';
import { decodeParsed } from './object.ts';
import { toProblem } from './problems.ts';

/** One decoded object: `config` is there when no problem is an error. */
export interface DecodedJson {
  readonly config?: Config;
  readonly problems: readonly Problem[];
}

/** Decodes one object that is JSON already (REST API, Kubernetes watch). Never throws. */
export function decodeObject(json: unknown, origin: Origin, options: { readonly defaultNamespace?: string } = {}): DecodedJson {
  const decoded = decodeParsed(json, { origin, defaultNamespace: options.defaultNamespace ?? 'default' });
  const problems = decoded.findings.map((finding) => toProblem(finding, decoded, origin));
  return decoded.config === undefined ? { problems } : { config: decoded.config, problems };
}
