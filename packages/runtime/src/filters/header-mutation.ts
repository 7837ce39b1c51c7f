import { decodeMutation } from '../decode/common.ts';
import type { Reader } from '../decode/reader.ts';
import type { FormatSource } from '../compiled.ts';
import { compileFormat } from '../format.ts';
import type { HeaderMutation } from '../types/common.ts';
import { defineFilter, type FilterKind } from './define.ts';
import type { FilterAction, HeaderEdit } from './types.ts';

/** One step: an option to set, or a name to remove. Steps are taken in order. */
type Step = { readonly t: 'set'; readonly option: HeaderMutation } | { readonly t: 'remove'; readonly name: string };

interface Mutations {
  readonly request: readonly Step[];
  readonly response: readonly Step[];
}

interface MutationConfig extends Mutations {
  readonly mostSpecificWins: boolean;
}

/** Changes headers of requests and responses (`envoy.filters.http.header_mutation`): the chain's steps, then those of every level of the route. */
export const headerMutationFilter: FilterKind = defineFilter<MutationConfig, Mutations>({
  t: 'header-mutation',
  types: ['envoy.extensions.filters.http.header_mutation.v3.HeaderMutation'],
  overrideTypes: ['envoy.extensions.filters.http.header_mutation.v3.HeaderMutationPerRoute'],
  decode: (reader) => ({ ...decodeMutations(reader.message('mutations')), mostSpecificWins: reader.bool('most_specific_header_mutations_wins') }),
  decodeOverride: (reader) => decodeMutations(reader.message('mutations')),
  compile(config, { overrides }) {
    // Whose steps come last has the last word.
    const levels = [config, ...(config.mostSpecificWins ? overrides : overrides.toReversed())];
    return compileLevels(levels);
  },
});

function decodeMutations(reader: Reader | undefined): Mutations {
  return {
    request: reader?.messages('request_mutations').map(decodeStep) ?? [],
    response: reader?.messages('response_mutations').map(decodeStep) ?? [],
  };
}

function decodeStep(reader: Reader): Step {
  const append = reader.message('append');
  if (append !== undefined) {
    const option = decodeMutation(append);
    append.require('header.key', !option.name.startsWith(':') && option.name !== 'host', `"${option.name}" cannot be changed`);
    return { t: 'set', option };
  }
  const name = reader.string('remove').toLowerCase();
  reader.require('remove', name !== '' && !name.startsWith(':') && name !== 'host', `"${name}" cannot be removed`);
  return { t: 'remove', name };
}

function compileLevels(levels: readonly Mutations[]): FilterAction | undefined {
  const request = compileSteps(levels.flatMap((level) => level.request));
  const response = compileSteps(levels.flatMap((level) => level.response));
  if (request === undefined && response === undefined) return undefined;
  const hook = response === undefined ? {} : { response: { onResponse: ({ format }: { format: FormatSource }) => ({ edits: response(format) }) } };
  return { decide: ({ format }) => (request === undefined ? hook : { request: request(format), ...hook }) };
}

function compileSteps(steps: readonly Step[]): ((source: FormatSource) => readonly HeaderEdit[]) | undefined {
  if (steps.length === 0) return undefined;
  const compiled = steps.map(compileStep);
  return (source) => compiled.map((step) => step(source)).filter((edit) => edit !== undefined);
}

function compileStep(step: Step): (source: FormatSource) => HeaderEdit | undefined {
  if (step.t === 'remove') {
    const edit: HeaderEdit = { name: step.name, action: 'remove', value: '' };
    return () => edit;
  }
  const { name, action, keepEmptyValue, value } = step.option;
  const format = compileFormat(value, '');
  return (source) => {
    const text = format.render(source);
    return text === '' && !keepEmptyValue ? undefined : { name, action, value: text };
  };
}
