import { compileText } from '../compile/text.ts';
import type { FormatSource, RequestView } from '../compiled.ts';
import { decodeMutation, decodeStringMatch, isReserved } from '../decode/common.ts';
import type { Reader } from '../decode/reader.ts';
import { compileFormat } from '../format.ts';
import type { HeaderMutation, StringMatch } from '../types/common.ts';
import { defineFilter, type FilterKind } from './define.ts';
import { compileQuery, decodeQueryStep, type QueryStep } from './query-mutation.ts';
import type { FilterAction, FilterResponse, FilterVerdict, HeaderEdit, ResponseVerdict } from './types.ts';

/** One step: an option to set, a name to remove, or all names that match. Steps are taken in order. */
type Step =
  | { readonly t: 'set'; readonly option: HeaderMutation }
  | { readonly t: 'remove'; readonly name: string }
  | { readonly t: 'remove-matching'; readonly match: StringMatch };

interface Mutations {
  readonly request: readonly Step[];
  readonly query: readonly QueryStep[];
  readonly response: readonly Step[];
  readonly requestTrailers: readonly Step[];
  readonly responseTrailers: readonly Step[];
}

interface MutationConfig extends Mutations {
  readonly mostSpecificWins: boolean;
}

/** For the proxy's half: what is done to the trailers of the request. */
export interface TrailerQuestion {
  readonly edits: readonly HeaderEdit[];
}

/** Changes heads, trailers and the query of requests and responses (`envoy.filters.http.header_mutation`): the chain's steps, then those of every level of the route. */
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
  const steps = (field: string): readonly Step[] => reader?.messages(field).map(decodeStep) ?? [];
  return {
    request: steps('request_mutations'),
    query: reader?.messages('query_parameter_mutations').map(decodeQueryStep) ?? [],
    response: steps('response_mutations'),
    requestTrailers: steps('request_trailers_mutations'),
    responseTrailers: steps('response_trailers_mutations'),
  };
}

function decodeStep(reader: Reader): Step {
  const append = reader.message('append');
  if (append !== undefined) return { t: 'set', option: decodeMutation(append) };
  const matching = reader.message('remove_on_match');
  if (matching !== undefined) {
    const key = matching.message('key_matcher');
    matching.require('key_matcher', key !== undefined, 'missing');
    return { t: 'remove-matching', match: key === undefined ? NEVER : decodeStringMatch(key) };
  }
  const name = reader.string('remove').toLowerCase();
  // Without them there would be no request to send on.
  reader.require('remove', name !== '' && !isReserved(name), `"${name}" cannot be removed`);
  return { t: 'remove', name };
}

const NEVER: StringMatch = { t: 'exact', value: '', ignoreCase: false };

type Edits = (source: FormatSource) => readonly HeaderEdit[];

function compileLevels(levels: readonly Mutations[]): FilterAction | undefined {
  const steps = (of: (level: Mutations) => readonly Step[]): Edits | undefined => compileSteps(levels.flatMap(of));
  const request = steps((level) => level.request);
  const query = compileQuery(levels.flatMap((level) => level.query));
  const trailers = steps((level) => level.requestTrailers);
  const response = compileResponse(
    steps((level) => level.response),
    steps((level) => level.responseTrailers),
  );
  if (request === undefined && query === undefined && trailers === undefined && response === undefined) return undefined;
  const hook: FilterVerdict = response === undefined ? {} : { response: { onResponse: response } };
  return {
    decide({ format, request: view }) {
      const edits = requestEdits({ request, query }, format, view);
      const asked = trailers === undefined ? {} : { ask: { edits: trailers(format) } satisfies TrailerQuestion };
      return edits.length === 0 ? { ...hook, ...asked } : { request: edits, ...hook, ...asked };
    },
  };
}

function requestEdits(
  { request, query }: { readonly request: Edits | undefined; readonly query: ReturnType<typeof compileQuery> },
  format: FormatSource,
  view: RequestView,
): readonly HeaderEdit[] {
  const edits = request?.(format) ?? [];
  return query === undefined ? edits : [...edits, { name: ':path', action: 'overwrite', value: query(view.path, format) }];
}

function compileResponse(head: Edits | undefined, trailers: Edits | undefined): ((response: FilterResponse) => ResponseVerdict) | undefined {
  if (head === undefined && trailers === undefined) return undefined;
  return ({ format, endOfStream }) => ({
    ...(head === undefined ? {} : { edits: head(format) }),
    ...(trailers === undefined || endOfStream ? {} : { transform: { t: headerMutationFilter.t, edits: trailers(format) } }),
  });
}

function compileSteps(steps: readonly Step[]): Edits | undefined {
  if (steps.length === 0) return undefined;
  const compiled = steps.map(compileStep);
  return (source) => compiled.map((step) => step(source)).filter((edit) => edit !== undefined);
}

function compileStep(step: Step): (source: FormatSource) => HeaderEdit | undefined {
  if (step.t === 'remove') {
    const edit: HeaderEdit = { name: step.name, action: 'remove', value: '' };
    return () => edit;
  }
  if (step.t === 'remove-matching') {
    const test = compileText(step.match);
    const edit: HeaderEdit = { name: '', action: 'remove', value: '', matches: (name) => !isReserved(name) && test(name) };
    return () => edit;
  }
  const { name, action, keepEmptyValue, value } = step.option;
  const format = compileFormat(value, '');
  return (source) => {
    const text = format.render(source);
    return text === '' && !keepEmptyValue ? undefined : { name, action, value: text };
  };
}
