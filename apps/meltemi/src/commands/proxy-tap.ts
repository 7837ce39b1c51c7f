import { MeshError } from '@meltemi/base';
import { connect } from '../client/control-plane-client.ts';
import { findProxy } from '../client/proxies.ts';
import { answers, openTap, tapRequest, type TapFilter, type TapTrace } from '../client/tap.ts';
import { defineCommand, secondsOf, text } from '../define-command.ts';
import { parseLabels } from './workload-options.ts';
import { serverOption } from './shared.ts';

/** Where every connection manager of the embedded proxy can be tapped. */
const EVERYWHERE = 'meltemi';
const ADMIN_PORT = 15_000;
const MAX_SECONDS = 3_600;
const MAX_BODY_BYTES = 64 * 1_024;

export const proxyTap = defineCommand({
  name: 'proxy-tap',
  summary: 'Show requests while they pass a proxy',
  help:
    'Prints a line for each request that passes: method, authority, path and status; with -o json, also all headers. The values of authorization, cookies and the like, and ' +
    'of parameters such as ?access_token= in targets, are masked unless you ask for them. A proxy has one tap at a time, and the tap takes at most a twentieth of its time: under heavy load some requests are not shown, ' +
    "and none is slowed down. It reads /tap of the proxy's admin port, which answers only on the proxy's own machine. With Envoy, name the config_id of a tap filter.",
  arguments: [{ name: '[proxy]', text: 'NAME or NAME.NAMESPACE of the workload, as "meltemi proxy-status" lists it' }],
  examples: [
    'meltemi proxy-tap reviews-v2 --path /reviews',
    'meltemi proxy-tap productpage-v1 --status 5 --count 1 -o json',
    'meltemi proxy-tap --admin http://127.0.0.1:15000',
  ],
  options: [
    { flags: '--method <method>', text: 'only this method' },
    { flags: '--path <prefix>', text: 'only paths that begin with this' },
    { flags: '--header <list>', text: 'only requests with these headers, name=value,…' },
    { flags: '--status <prefix>', text: 'only responses whose status begins with this (5, 404)' },
    { flags: '--peer <text>', text: 'only requests from this address, or whose certificate names this' },
    { flags: '--count <number>', text: 'end after this many requests' },
    { flags: '--for <seconds>', text: 'end after this long', default: '60' },
    { flags: '--body <bytes>', text: 'show this much of each body', default: '0' },
    { flags: '--show-secrets', text: 'show the values of authorization, cookies, tokens in targets and the like' },
    { flags: '--config-id <name>', text: 'the tap filter to use, by its config_id', default: EVERYWHERE },
    { flags: '--admin <url>', text: "the proxy's admin port (else that of the proxy's address)" },
    { flags: '-o, --output <format>', text: 'line or json', choices: ['line', 'json'], default: 'line' },
    serverOption,
  ],
  async run({ options, args, out }) {
    const admin = text(options, 'admin') ?? (await adminOf(args[0], text(options, 'server')));
    const count = wholeNumber(text(options, 'count'), '--count', 1_000_000) ?? Infinity;
    const bodyBytes = wholeNumber(text(options, 'body'), '--body', MAX_BODY_BYTES) ?? 0;
    const ends = new AbortController();
    const timer = setTimeout(() => ends.abort(), secondsOf(text(options, 'for'), '--for', MAX_SECONDS));
    const stop = (): void => ends.abort();
    process.once('SIGINT', stop);
    try {
      let seen = 0;
      const request = tapRequest(text(options, 'configId') ?? EVERYWHERE, filterOf(options), bodyBytes);
      for await (const trace of openTap(admin.replace(/\/+$/, ''), queryOf(options), request, ends.signal)) {
        out.line(options['output'] === 'json' ? JSON.stringify(trace) : summary(trace));
        if (++seen >= count) break;
      }
      out.note(`${seen} ${seen === 1 ? 'request' : 'requests'}`);
      return 0;
    } finally {
      clearTimeout(timer);
      process.off('SIGINT', stop);
      ends.abort();
    }
  },
});

async function adminOf(name: string | undefined, server: string | undefined): Promise<string> {
  if (name === undefined) throw new MeshError('cli/usage', 'say which proxy: meltemi proxy-tap reviews-v2, or --admin http://127.0.0.1:15000');
  const { address } = await findProxy(connect({ server }), name);
  const admin = `http://${address.includes(':') ? `[${address}]` : address}:${ADMIN_PORT}`;
  // Beside network namespaces a gateway's admin is on this machine's loopback: 10.1.2.3 → 127.1.2.3 (the agent's rule).
  const twin = admin.replace(/^http:\/\/\d+\./, 'http://127.');
  return twin !== admin && (await answers(twin)) ? twin : admin;
}

function filterOf(options: Readonly<Record<string, unknown>>): TapFilter {
  return {
    method: text(options, 'method'),
    path: text(options, 'path'),
    status: text(options, 'status'),
    headers: Object.entries(parseLabels(text(options, 'header'))),
  };
}

function queryOf(options: Readonly<Record<string, unknown>>): string {
  const query = new URLSearchParams();
  const peer = text(options, 'peer');
  if (peer !== undefined) query.set('peer', peer);
  if (options['showSecrets'] === true) query.set('show_secrets', '');
  const asked = query.toString();
  return asked === '' ? '' : `?${asked}`;
}

function wholeNumber(value: string | undefined, flag: string, most: number): number | undefined {
  if (value === undefined) return undefined;
  const number = Number(value);
  if (!Number.isInteger(number) || number < 0 || number > most)
    throw new MeshError('cli/usage', `${flag} ${value}: expected a number from 0 to ${most}`);
  return number;
}

/** `GET reviews:9080/reviews/0 200 application/json`, and the bodies below. */
function summary({ http_buffered_trace: { request, response } }: TapTrace): string {
  const value = (headers: TapTrace['http_buffered_trace']['request']['headers'], name: string): string =>
    headers.find(({ key }) => key === name)?.value ?? '-';
  const line = [
    value(request.headers, ':method'),
    value(request.headers, ':authority') + value(request.headers, ':path'),
    value(response.headers, ':status'),
    value(response.headers, 'content-type'),
  ].join(' ');
  const bodies = [request, response].flatMap(({ body }) =>
    body?.as_string === undefined ? [] : [`  ${body.as_string}${body.truncated ? '…' : ''}`],
  );
  return [line, ...bodies].join('\n');
}
