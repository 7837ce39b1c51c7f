import {
  namesMatch,
  type ExtAuthzConfig,
  type FilterReply,
  type FilterVerdict,
  type HeaderEdit,
  type HttpAuthz,
  type MetadataStruct,
} from '@meltemi/runtime';
import { isAuthority } from '../authority.ts';
import type { SideOutcome } from '../side-request.ts';

const NAMESPACE = 'envoy.filters.http.ext_authz';
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** What frames a message, or names the one that asks, is not for a service to change. */
const UNTOUCHABLE = new Set(['host', 'content-length', 'transfer-encoding', 'connection']);

/** The service could not be asked, or its answer is none. */
export function failureVerdict(config: ExtAuthzConfig): FilterVerdict | undefined {
  if (!config.allowOnFailure) return { reply: { status: config.statusOnError, body: '', flag: 'UAEX', details: 'ext_authz_error' } };
  return config.tellFailure ? { request: [{ name: 'x-envoy-auth-failure-mode-allowed', action: 'overwrite', value: 'true' }] } : undefined;
}

function denied(status: number, body: string, headers: readonly HeaderEdit[]): FilterVerdict {
  return { reply: { status, body, flag: 'UAEX', details: 'ext_authz_denied', headers } };
}

function allowed(
  config: ExtAuthzConfig,
  what: Pick<FilterVerdict, 'metadata'> & { readonly request: readonly HeaderEdit[]; readonly response: readonly HeaderEdit[] },
): FilterVerdict {
  const { metadata, request, response } = what;
  const malformed = request.find(isMalformed);
  if (malformed !== undefined) return { ...(metadata === undefined ? {} : { metadata }), reply: malformedReply(malformed) };
  return {
    ...(metadata === undefined ? {} : { metadata }),
    ...(request.length === 0 ? {} : { request, reroute: config.clearRoute, outgrown: INVALID_REPLY }),
    ...(response.length === 0 ? {} : { response: { onResponse: () => ({ edits: response }) } }),
  };
}

/** The members of messages that are read; ProtoJSON leaves out what has its default value. */
interface HeaderOption {
  readonly header?: { readonly key?: string; readonly value?: string; readonly raw_value?: string };
  readonly append?: boolean;
  readonly append_action?: string;
}
interface CheckResponse {
  readonly status?: { readonly code?: number };
  readonly denied_response?: {
    readonly status?: { readonly code?: string | number };
    readonly headers?: readonly HeaderOption[];
    readonly body?: string;
  };
  readonly ok_response?: {
    readonly headers?: readonly HeaderOption[];
    readonly headers_to_remove?: readonly string[];
    readonly response_headers_to_add?: readonly HeaderOption[];
    readonly query_parameters_to_set?: readonly { readonly key?: string; readonly value?: string }[];
    readonly query_parameters_to_remove?: readonly string[];
    /** What services said before there was one in the message itself. */
    readonly dynamic_metadata?: MetadataStruct;
  };
  readonly dynamic_metadata?: MetadataStruct;
}

/** What a `CheckResponse` does with a request of this path. `statusOf` knows the numbers of the names of HTTP statuses. */
export function grpcVerdict(
  config: ExtAuthzConfig,
  message: object,
  { path, statusOf }: { readonly path: string; readonly statusOf: (name: string | number | undefined) => number },
): FilterVerdict {
  const { status, denied_response: refusal = {}, ok_response: ok = {}, dynamic_metadata: values = ok.dynamic_metadata } = message as CheckResponse;
  const metadata = values !== undefined && config.ingestMetadata ? { metadata: { [NAMESPACE]: values } } : {};
  if (!isTaken(config, message)) return INVALID;
  if ((status?.code ?? 0) !== 0)
    return { ...metadata, ...denied(statusOf(refusal.status?.code), refusal.body ?? '', optionEdits(refusal.headers, 'refusal')) };
  return allowed(config, { ...metadata, request: requestEdits(ok, path), response: optionEdits(ok.response_headers_to_add, 'response') });
}

function requestEdits(ok: NonNullable<CheckResponse['ok_response']>, path: string): readonly HeaderEdit[] {
  const removed = (ok.headers_to_remove ?? []).map((name): HeaderEdit => ({ name: name.toLowerCase(), action: 'remove', value: '' }));
  const edits = [...optionEdits(ok.headers, 'request'), ...removed.filter(mayTouch)];
  const asked = edits.findLast(({ name }) => name === ':path')?.value ?? path;
  // CONNECT has no path, and so no query.
  const query = asked === '' ? undefined : queryEdit(ok, asked);
  return query === undefined ? edits : [...edits, query];
}

/** As Envoy: also a pseudo header has a name. */
const NAME = /^:?[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const VALUE = /^[\t\x20-\x7e\x80-\uffff]*$/;
const INVALID_REPLY: FilterReply = { status: 500, body: '', flag: 'UAEX', details: 'ext_authz_invalid' };
const INVALID: FilterVerdict = { reply: INVALID_REPLY };

function isMalformed(edit: HeaderEdit): boolean {
  const { name, value } = edit;
  return name !== '' && !(NAME.test(name) && VALUE.test(value) && (!namesHost(edit) || isAuthority(value)));
}

/** What cannot be written to the upstream ends the request, in Envoy's words. */
function malformedReply(edit: HeaderEdit): FilterReply {
  const name = edit.name === 'host' ? ':authority' : edit.name;
  const body = NAME.test(name) ? `invalid header value for: ${name}` : `invalid header name: ${JSON.stringify(name).slice(1, -1)}`;
  return { status: 503, body, flag: 'DPE', details: `filter_removed_required_request_headers{${body.replaceAll(' ', '_')}}` };
}

/** Parameters are set, then removed, by their names as they are written; what came stays as it was written, ordered by name. */
function queryEdit(
  { query_parameters_to_set: set = [], query_parameters_to_remove: remove = [] }: NonNullable<CheckResponse['ok_response']>,
  path: string,
): HeaderEdit | undefined {
  if (set.length === 0 && remove.length === 0) return undefined;
  const [before, query] = cutAt(path, '?');
  const values = valuesOf(query);
  for (const { key = '', value = '' } of set) values.set(key, [value]);
  for (const key of remove) values.delete(key);
  const parts = [...values].toSorted(([a], [b]) => (a < b ? -1 : 1)).flatMap(([key, list]) => list.map((value) => `${key}=${value}`));
  return { name: ':path', action: 'overwrite', value: parts.length === 0 ? before : `${before}?${parts.join('&')}` };
}

function valuesOf(query: string): Map<string, string[]> {
  const values = new Map<string, string[]>();
  for (const part of query.split('&')) {
    if (part === '') continue;
    const [key, value] = cutAt(part, '=');
    const known = values.get(key);
    if (known === undefined) values.set(key, [value]);
    else known.push(value);
  }
  return values;
}

function cutAt(text: string, mark: string): readonly [string, string] {
  const at = text.indexOf(mark);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

/** Is what the service would have written well-formed, or nobody to look at it? */
function isTaken(config: ExtAuthzConfig, { denied_response: refusal, ok_response: ok }: CheckResponse): boolean {
  if (!config.validateMutations) return true;
  const options = [refusal?.headers, ok?.headers, ok?.response_headers_to_add];
  return options.every((list) => list === undefined || list.every(isHeader)) && (ok?.headers_to_remove ?? []).every((name) => NAME.test(name));
}

function isHeader(option: HeaderOption): boolean {
  return NAME.test(option.header?.key ?? '') && VALUE.test(textOf(option));
}

function textOf({ header: { value = '', raw_value: raw } = {} }: HeaderOption): string {
  return (raw === undefined ? Buffer.from(value) : Buffer.from(raw, 'base64')).toString('latin1');
}

const ACTIONS: Readonly<Record<string, HeaderEdit['action']>> = {
  APPEND_IF_EXISTS_OR_ADD: 'append',
  ADD_IF_ABSENT: 'add-if-absent',
  OVERWRITE_IF_EXISTS_OR_ADD: 'overwrite',
  OVERWRITE_IF_EXISTS: 'overwrite-if-exists',
};

type OptionPlace = 'request' | 'response' | 'refusal';

/** As Envoy takes them: on requests an option replaces unless `append` is set; on responses it is added, and only there `append_action` counts. */
function optionEdits(options: readonly HeaderOption[] | undefined, of: OptionPlace): readonly HeaderEdit[] {
  return (options ?? [])
    .map((option): HeaderEdit => {
      return { name: (option.header?.key ?? '').toLowerCase(), action: optionAction(option, of), value: textOf(option) };
    })
    .filter((edit) => mayTouch(edit) || (of === 'request' && (namesHost(edit) || isMalformed(edit))));
}

/** Another host may be asked for, not none or two. */
function namesHost({ name, action, value }: HeaderEdit): boolean {
  return (name === 'host' || name === ':authority') && action === 'overwrite' && value !== '';
}

function optionAction({ append, append_action: action }: HeaderOption, of: OptionPlace): HeaderEdit['action'] {
  if (of !== 'response') return append === true ? 'join' : of === 'request' ? 'overwrite' : 'append';
  if (append === false) return 'overwrite';
  return append === true || action === undefined ? 'append' : (ACTIONS[action] ?? 'append');
}

function mayTouch({ name }: HeaderEdit): boolean {
  return !UNTOUCHABLE.has(name) && (HEADER_NAME.test(name) || name === ':path' || name === ':method');
}

/** What a refusal over HTTP always tells, beside what is allowed. */
const ALWAYS_TOLD = new Set(['location', 'www-authenticate', 'set-cookie']);
const REMOVE = 'x-envoy-auth-headers-to-remove';

/** What an HTTP answer does with the request. */
export function httpVerdict(
  config: ExtAuthzConfig,
  http: HttpAuthz,
  { status, headers, body }: SideOutcome & { t: 'response' },
): FilterVerdict | undefined {
  if (status >= 500) return failureVerdict(config);
  const edits = headers
    .map(([name, value]): HeaderEdit => ({ name, action: 'append', value }))
    .filter((edit) => mayTouch(edit) && !OF_THE_MESSAGE.has(edit.name));
  if (status !== 200) {
    const told = http.client === undefined ? () => true : namesMatch(http.client);
    return denied(
      status,
      body.toString('latin1'),
      edits.filter(({ name }) => told(name) || (http.client !== undefined && ALWAYS_TOLD.has(name))),
    );
  }
  const picked = (matches: HttpAuthz['upstream'], action: HeaderEdit['action']): readonly HeaderEdit[] => {
    const test = namesMatch(matches);
    return edits.filter(({ name }) => test(name)).map((edit) => ({ ...edit, action }));
  };
  const removed = headers
    .filter(([name]) => name === REMOVE)
    .flatMap(([, value]) => value.split(','))
    .map((name): HeaderEdit => ({ name: name.trim().toLowerCase(), action: 'remove', value: '' }))
    .filter(mayTouch);
  const metadata = Object.fromEntries(picked(http.metadata, 'append').map(({ name, value }) => [name, value]));
  return allowed(config, {
    ...(Object.keys(metadata).length === 0 ? {} : { metadata: { [NAMESPACE]: metadata } }),
    request: [...picked(http.upstream, 'overwrite'), ...picked(http.upstreamAppend, 'append'), ...removed],
    response: picked(http.clientOnSuccess, 'append'),
  });
}

/** Of the service's own message, and no part of what it says. */
const OF_THE_MESSAGE = new Set(['keep-alive', 'proxy-connection', 'te', 'trailer', 'upgrade']);
