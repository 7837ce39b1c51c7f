import { namesMatch, type ExtAuthzConfig, type FilterVerdict, type HeaderEdit, type HttpAuthz, type MetadataStruct } from '@meltemi/runtime';
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
  return {
    ...(metadata === undefined ? {} : { metadata }),
    ...(request.length === 0 ? {} : { request, reroute: config.clearRoute }),
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
  };
  readonly dynamic_metadata?: MetadataStruct;
}

/** What a `CheckResponse` does with the request. `statusOf` knows the numbers of the names of HTTP statuses. */
export function grpcVerdict(config: ExtAuthzConfig, message: object, statusOf: (name: string | number | undefined) => number): FilterVerdict {
  const { status, denied_response: refusal = {}, ok_response: ok = {}, dynamic_metadata: values } = message as CheckResponse;
  const metadata = values !== undefined && config.ingestMetadata ? { metadata: { [NAMESPACE]: values } } : {};
  if (!isTaken(config, message)) return INVALID;
  if ((status?.code ?? 0) !== 0)
    return { ...metadata, ...denied(statusOf(refusal.status?.code), refusal.body ?? '', optionEdits(refusal.headers, 'response')) };
  const removed = (ok.headers_to_remove ?? []).map((name): HeaderEdit => ({ name: name.toLowerCase(), action: 'remove', value: '' }));
  return allowed(config, {
    ...metadata,
    request: [...optionEdits(ok.headers, 'request'), ...removed.filter(mayTouch)],
    response: optionEdits(ok.response_headers_to_add, 'response'),
  });
}

/** As Envoy: also a pseudo header has a name. */
const NAME = /^:?[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const VALUE = /^[\t\x20-\x7e\x80-\uffff]*$/;
const INVALID: FilterVerdict = { reply: { status: 500, body: '', flag: 'UAEX', details: 'ext_authz_invalid' } };

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
  return raw === undefined ? value : Buffer.from(raw, 'base64').toString('latin1');
}

const ACTIONS: Readonly<Record<string, HeaderEdit['action']>> = {
  APPEND_IF_EXISTS_OR_ADD: 'append',
  ADD_IF_ABSENT: 'add-if-absent',
  OVERWRITE_IF_EXISTS_OR_ADD: 'overwrite',
  OVERWRITE_IF_EXISTS: 'overwrite-if-exists',
};

/** On requests an option replaces unless it says otherwise; on responses it is added. */
function optionEdits(options: readonly HeaderOption[] | undefined, of: 'request' | 'response'): readonly HeaderEdit[] {
  return (options ?? [])
    .map((option): HeaderEdit => {
      return { name: (option.header?.key ?? '').toLowerCase(), action: optionAction(option, of), value: textOf(option) };
    })
    .filter(mayTouch);
}

function optionAction({ append, append_action: action }: HeaderOption, of: 'request' | 'response'): HeaderEdit['action'] {
  if (append === false) return 'overwrite';
  if (append === true) return of === 'request' ? 'join' : 'append';
  if (action === undefined) return of === 'request' ? 'overwrite' : 'append';
  return ACTIONS[action] ?? 'append';
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
