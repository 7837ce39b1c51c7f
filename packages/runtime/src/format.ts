import type { FormatSource } from './compiled.ts';

/**
 * Envoy's substitution operators that the data plane can answer, and whether they take an argument. Others are refused when the
 * configuration is decoded, so a source never sees a name that is not here.
 */
export const FORMAT_OPERATORS: Readonly<Record<string, 'none' | 'optional' | 'required'>> = {
  START_TIME: 'optional',
  METHOD: 'none',
  PROTOCOL: 'none',
  RESPONSE_CODE: 'none',
  RESPONSE_CODE_DETAILS: 'none',
  RESPONSE_FLAGS: 'none',
  RESPONSE_FLAGS_LONG: 'none',
  LOCAL_REPLY_BODY: 'none',
  CONNECTION_TERMINATION_DETAILS: 'none',
  UPSTREAM_TRANSPORT_FAILURE_REASON: 'none',
  BYTES_RECEIVED: 'none',
  BYTES_SENT: 'none',
  DURATION: 'none',
  REQUEST_DURATION: 'none',
  RESPONSE_DURATION: 'none',
  RESPONSE_TX_DURATION: 'none',
  REQ: 'required',
  RESP: 'required',
  REQ_WITHOUT_QUERY: 'required',
  UPSTREAM_HOST: 'none',
  UPSTREAM_REMOTE_ADDRESS: 'none',
  UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT: 'none',
  UPSTREAM_LOCAL_ADDRESS: 'none',
  UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT: 'none',
  UPSTREAM_CLUSTER: 'none',
  UPSTREAM_CLUSTER_RAW: 'none',
  UPSTREAM_REQUEST_ATTEMPT_COUNT: 'none',
  UPSTREAM_PEER_URI_SAN: 'none',
  DOWNSTREAM_LOCAL_ADDRESS: 'none',
  DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT: 'none',
  DOWNSTREAM_LOCAL_PORT: 'none',
  DOWNSTREAM_REMOTE_ADDRESS: 'none',
  DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT: 'none',
  DOWNSTREAM_REMOTE_PORT: 'none',
  DOWNSTREAM_DIRECT_REMOTE_ADDRESS: 'none',
  DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT: 'none',
  DOWNSTREAM_TLS_VERSION: 'none',
  DOWNSTREAM_TLS_CIPHER: 'none',
  DOWNSTREAM_PEER_URI_SAN: 'none',
  DOWNSTREAM_LOCAL_URI_SAN: 'none',
  DOWNSTREAM_PEER_SUBJECT: 'none',
  DOWNSTREAM_PEER_FINGERPRINT_256: 'none',
  REQUESTED_SERVER_NAME: 'none',
  ROUTE_NAME: 'none',
  VIRTUAL_CLUSTER_NAME: 'none',
  DYNAMIC_METADATA: 'required',
  TRACE_ID: 'none',
  GRPC_STATUS: 'optional',
  GRPC_STATUS_NUMBER: 'none',
  HOSTNAME: 'none',
  ENVIRONMENT: 'required',
};

/** One piece of a format: text, or an operator. `maxLength` cuts the value (`%REQ(x):5%`); undefined = whole. */
export type FormatPart =
  | { readonly t: 'text'; readonly text: string }
  | { readonly t: 'operator'; readonly operator: string; readonly argument: string; readonly maxLength: number | undefined };

export type ParsedFormat = { readonly ok: true; readonly parts: readonly FormatPart[] } | { readonly ok: false; readonly message: string };

const OPERATOR = /^([A-Z0-9_]+)(?:\(((?:[^()]|\([^()]*\))*)\))?(?::(\d+))?$/;

/** Splits `[%START_TIME%] "%REQ(:METHOD)%"` into parts; `%%` is a percent sign. */
export function parseFormat(text: string): ParsedFormat {
  const parts: FormatPart[] = [];
  let literal = '';
  for (let at = 0; at < text.length;) {
    if (text[at] !== '%') {
      const next = text.indexOf('%', at);
      const end = next < 0 ? text.length : next;
      literal += text.slice(at, end);
      at = end;
      continue;
    }
    if (text[at + 1] === '%') {
      literal += '%';
      at += 2;
      continue;
    }
    const end = operatorEnd(text, at + 1);
    const part = end < 0 ? `"%" at ${at} has no closing "%" (write "%%" for a percent sign)` : parseOperator(text.slice(at + 1, end));
    if (typeof part === 'string') return { ok: false, message: `invalid format "${text}": ${part}` };
    if (literal !== '') parts.push({ t: 'text', text: literal });
    literal = '';
    parts.push(part);
    at = end + 1;
  }
  if (literal !== '') parts.push({ t: 'text', text: literal });
  return { ok: true, parts };
}

/** The closing `%`: one inside parentheses belongs to the argument (`%START_TIME(%Y)%`). */
function operatorEnd(text: string, start: number): number {
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    const c = text[at];
    if (c === '(') depth++;
    else if (c === ')') depth--;
    else if (c === '%' && depth <= 0) return at;
  }
  return -1;
}

function parseOperator(text: string): FormatPart | string {
  const match = OPERATOR.exec(text);
  if (match === null) return `"%${text}%" is no operator`;
  const [, operator = '', argument = '', length] = match;
  const rule = Object.hasOwn(FORMAT_OPERATORS, operator) ? FORMAT_OPERATORS[operator] : undefined;
  if (rule === undefined) return `%${operator}% is not supported by this proxy`;
  if (rule === 'required' && argument === '') return `%${operator}% needs an argument in parentheses`;
  if (rule === 'none' && argument !== '') return `%${operator}% takes no argument`;
  return { t: 'operator', operator, argument, maxLength: length === undefined ? undefined : Number(length) };
}

/** A format as a function. `missing` stands for a value that is not there (`-` in logs, '' in headers). Throws nothing: bad formats are refused at decode. */
export function compileFormat(text: string, missing: string): { readonly constant: string | undefined; render(source: FormatSource): string } {
  const parsed = parseFormat(text);
  const parts: readonly FormatPart[] = parsed.ok ? parsed.parts : [{ t: 'text', text }];
  if (parts.every((part) => part.t === 'text')) {
    const constant = parts.map((part) => (part.t === 'text' ? part.text : '')).join('');
    return { constant, render: () => constant };
  }
  const render = (source: FormatSource): string => {
    let out = '';
    for (const part of parts) out += part.t === 'text' ? part.text : renderOperator(part, source, missing);
    return out;
  };
  return { constant: undefined, render };
}

function renderOperator(part: FormatPart & { t: 'operator' }, source: FormatSource, missing: string): string {
  const value = source.format(part.operator, part.argument);
  if (value === undefined || value === '') return missing;
  const text = String(value);
  return part.maxLength === undefined ? text : text.slice(0, part.maxLength);
}

/** One operator's raw value, for JSON logs that keep numbers as numbers; undefined when the format is not a lone operator. */
export function loneOperator(text: string): { readonly operator: string; readonly argument: string } | undefined {
  const parsed = parseFormat(text);
  const [only] = parsed.ok ? parsed.parts : [];
  if (!parsed.ok || parsed.parts.length !== 1 || only?.t !== 'operator' || only.maxLength !== undefined) return undefined;
  return { operator: only.operator, argument: only.argument };
}
