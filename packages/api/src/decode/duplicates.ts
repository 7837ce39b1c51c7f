import { formatOrigin, type Origin, type Problem } from '@meltemi/base';
import type { Config } from '../config.ts';
import { splitApiVersion } from '../kinds/lookup.ts';

/** What makes two objects the same one: group, kind, namespace, name; versions of a kind are one. */
export function identityOf(config: Config): string {
  return `${splitApiVersion(config.apiVersion).group}/${config.kind}/${config.meta.namespace}/${config.meta.name}`;
}

/** The problem of an object that is there already; it names both places. */
export function duplicateProblem(config: Config, first: Origin): Problem {
  const { kind, meta } = config;
  const name = meta.namespace === '' ? meta.name : `${meta.namespace}/${meta.name}`;
  return {
    code: 'MEL0106',
    severity: 'error',
    path: 'metadata.name',
    message: `${kind} ${name} is here and at ${formatOrigin(first)}; the first one is taken`,
    fix: { text: 'Remove one of the two, or give it another name.' },
    object: { kind, namespace: meta.namespace, name: meta.name },
    origin: config.origin,
  };
}

/** Objects without those whose name an earlier one has, and a problem for each that was left out. For inputs of several files. */
export function withoutDuplicates(configs: Iterable<Config>): { readonly configs: readonly Config[]; readonly problems: readonly Problem[] } {
  const first = new Map<string, Config>();
  const problems: Problem[] = [];
  for (const config of configs) {
    const before = first.get(identityOf(config));
    if (before === undefined) first.set(identityOf(config), config);
    else problems.push(duplicateProblem(config, before.origin));
  }
  return { configs: [...first.values()], problems };
}
