import { connect, constants, type ClientHttp2Session, type ClientHttp2Stream, type IncomingHttpHeaders } from 'node:http2';
import { connect as connectTcp } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { CaseRun } from '../harness/case-run.ts';
import type { StepObservation } from '../harness/observation.ts';
import type { Http2Request, Step } from '../steps.ts';
import { tlsOptions } from './connection.ts';
import type { SeenResponse } from './responses.ts';
import { LIMIT_MS } from './send.ts';
import { decodedBody } from './decoded.ts';

/** One HTTP/2 connection to the proxy. */
export interface Http2Connection {
  readonly session: ClientHttp2Session;
  ended: boolean;
}

/** Sends the requests at once over one connection and waits for all of them. */
export async function runHttp2(run: CaseRun, step: Extract<Step, { t: 'http2' }>): Promise<StepObservation> {
  const connection = connectionOf(run, step);
  const answers = await Promise.all(step.requests.map((request) => ask(connection.session, request)));
  run.answers += answers.length;
  const resets = answers.map(({ rst }) => rst).filter((rst) => rst !== '');
  const interim = answers.flatMap((answer) => answer.interim);
  const shown = {
    responses: answers.flatMap(({ response }) => (response === undefined ? [] : [response])),
    connection: connection.ended ? 'ended' : 'open',
    ...(interim.length === 0 ? {} : { interim }),
    ...(resets.length === 0 ? {} : { rst: resets }),
  };
  if (step.on === undefined) connection.session.destroy();
  return shown;
}

function connectionOf(run: CaseRun, { on, tls, from, port = 'main' }: Extract<Step, { t: 'http2' }>): Http2Connection {
  const known = on === undefined ? undefined : run.http2Connections.get(on);
  if (known !== undefined) return known;
  const target = { host: run.context.address, port: run.context.port(port), ...(from === undefined ? {} : { localAddress: from }) };
  const options = tls === undefined ? undefined : tlsOptions({ alpn: ['h2'], ...tls }, run.proxy.place.identities);
  const session = connect(`http://${target.host}:${target.port}`, {
    createConnection: () => (options === undefined ? connectTcp(target) : connectTls({ ...target, ...options })),
  });
  const connection: Http2Connection = { session, ended: false };
  session.on('error', () => (connection.ended = true));
  session.on('goaway', () => (connection.ended = true));
  session.on('close', () => (connection.ended = true));
  if (on !== undefined) run.http2Connections.set(on, connection);
  return connection;
}

interface Answer {
  readonly response: SeenResponse | undefined;
  readonly interim: readonly number[];
  /** Name of the error code of a reset stream, '' for none. */
  readonly rst: string;
}

const CODES = [
  '',
  'PROTOCOL_ERROR',
  'INTERNAL_ERROR',
  'FLOW_CONTROL_ERROR',
  'SETTINGS_TIMEOUT',
  'STREAM_CLOSED',
  'FRAME_SIZE_ERROR',
  'REFUSED_STREAM',
  'CANCEL',
];

function ask(session: ClientHttp2Session, request: Http2Request): Promise<Answer> {
  const { method = 'GET', path = '/', authority = 'test.example', headers = {}, body, trailers } = request;
  const pieces = body === undefined ? [] : typeof body === 'string' ? [body] : body;
  return new Promise((resolve) => {
    const bare = pieces.length === 0 && trailers === undefined;
    const stream = session.request(
      { ':method': method, ':path': path, ':authority': authority, ...headers },
      { endStream: bare, waitForTrailers: trailers !== undefined },
    );
    const finish = listen(stream, resolve);
    if (request.reset === 'response') stream.on('response', () => stream.close(constants.NGHTTP2_CANCEL));
    stream.on('wantTrailers', () => stream.sendTrailers(trailers ?? {}));
    const sendBody = (): void => {
      if (bare || stream.writableEnded) return;
      for (const piece of pieces) stream.write(Buffer.from(piece, 'latin1'));
      stream.end();
    };
    if (request.waits === undefined) sendBody();
    else for (const event of ['headers', 'response']) stream.once(event, sendBody);
    setTimeout(finish, LIMIT_MS).unref();
  });
}

/** Gathers the answer; the returned function gives up waiting. */
function listen(stream: ClientHttp2Stream, resolve: (answer: Answer) => void): () => void {
  let head: IncomingHttpHeaders | undefined;
  let body = '';
  let trailers: Record<string, string> = {};
  let complete = false;
  const interim: number[] = [];
  stream.on('headers', (headers: IncomingHttpHeaders & { readonly ':status'?: number }) => interim.push(Number(headers[':status'])));
  stream.on('response', (headers) => (head = headers));
  stream.on('trailers', (headers: IncomingHttpHeaders) => (trailers = flat(headers)));
  stream.on('data', (bytes: Buffer) => (body += bytes.toString('latin1')));
  stream.on('end', () => (complete = true));
  stream.on('error', () => undefined);
  const finish = (): void => {
    const code = stream.rstCode ?? 0;
    const { ':status': status = 0, ...headers } = head ?? {};
    const lines = flat(headers);
    const shown = { status: Number(status), headers: lines, body: decodedBody(body, lines['content-encoding']), trailers };
    const response = head === undefined ? undefined : { ...shown, complete: complete && code === 0 };
    resolve({ response, interim, rst: code === 0 ? '' : (CODES[code] ?? String(code)) });
  };
  stream.on('close', finish);
  return finish;
}

function flat(headers: IncomingHttpHeaders): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : String(value)]));
}
