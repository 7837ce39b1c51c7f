import type { Config } from '@meltemi/api';
import { StatusError } from './status.ts';

/** Kubernetes' selectors of a list request as one test. */
export function selectorOf(query: URLSearchParams): (config: Config) => boolean {
  const tests = [...parse(query.get('labelSelector') ?? '').map(labelTest), ...parse(query.get('fieldSelector') ?? '').map(fieldTest)];
  return (config) => tests.every((test) => test(config));
}

/** Splits at commas outside parentheses. */
function parse(selector: string): readonly string[] {
  return selector
    .split(/,(?![^(]*\))/)
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

function labelTest(term: string): (config: Config) => boolean {
  const equality = /^([^\s=!(),]+)\s*(==|=|!=)\s*([^\s=!(),]*)$/.exec(term);
  if (equality !== null) {
    const [, key = '', operator, value] = equality;
    return (config) => (config.meta.labels[key] === value) === (operator !== '!=');
  }
  const set = /^([^\s=!(),]+)\s+(in|notin)\s+\(([^()]*)\)$/.exec(term);
  if (set !== null) {
    const [, key = '', operator, list = ''] = set;
    const values = new Set(list.split(',').map((value) => value.trim()));
    return (config) => values.has(config.meta.labels[key] ?? '\0') === (operator === 'in');
  }
  const presence = /^(!?)\s*([^\s=!(),]+)$/.exec(term);
  if (presence === null) throw new StatusError('BadRequest', `"${term}" is not a label selector`);
  return (config) => Object.hasOwn(config.meta.labels, presence[2] ?? '') === (presence[1] === '');
}

function fieldTest(term: string): (config: Config) => boolean {
  const match = /^metadata\.(name|namespace)\s*(==|=|!=)\s*(\S*)$/.exec(term);
  if (match === null) throw new StatusError('BadRequest', `"${term}": fields that can be selected are metadata.name and metadata.namespace`);
  const field = match[1] === 'name' ? 'name' : 'namespace';
  return (config) => (config.meta[field] === match[3]) === (match[2] !== '!=');
}
