import type { Socket } from 'node:net';
import { parseMessage, type Message } from '../client/message.ts';
import { chunks, lines } from '../steps.ts';
import type { Reply } from './script.ts';
import { joined, type SeenRequest, type ServerParts } from './seen.ts';

/** Gives each request of a server its reply: the next of the list, the last one again and again. */
export interface ReplyQueue {
  next(): Reply;
}

export function createReplies(replies: readonly Reply[]): ReplyQueue {
  let at = 0;
  return { next: () => replies[Math.min(at++, replies.length - 1)] ?? {} };
}

interface Current {
  readonly seen: SeenRequest;
  readonly reply: Reply;
  answered: boolean;
}

/** Serves one HTTP/1.1 connection by script. Raw on purpose: it can break every rule, and sees what the proxy really sent. */
export function serveHttp1(socket: Socket, { name, journal }: ServerParts, replies: ReplyQueue): void {
  let text = '';
  let current: Current | undefined;
  const advance = (): void => {
    for (;;) {
      const parsed = parseMessage(text, { t: 'request' });
      if (parsed === undefined) return;
      current ??= begin(parsed.message);
      const { seen, reply } = current;
      seen.body = parsed.message.body;
      seen.complete = parsed.message.complete;
      seen.trailers = joined(parsed.message.trailers);
      if (!current.answered && (seen.complete || reply.early === true)) {
        current.answered = true;
        void answer(socket, reply, seen.method, journal);
      }
      journal.note();
      if (!seen.complete) return;
      text = text.slice(parsed.length);
      current = undefined;
    }
  };
  const begin = (message: Message): Current => {
    const [method = '', target = '', version = ''] = message.startLine.split(' ');
    const seen: SeenRequest = {
      at: name,
      method,
      target,
      version,
      headers: joined(message.headers),
      body: '',
      trailers: {},
      complete: false,
      cut: false,
    };
    journal.requests.push(seen);
    const reply = replies.next();
    for (const { status, headers = {} } of reply.informational ?? [])
      socket.write(`HTTP/1.1 ${status} Interim\r\n${lines(Object.entries(headers))}\r\n`);
    return { seen, reply, answered: false };
  };
  socket.setNoDelay(true);
  socket.on('data', (bytes: Buffer) => {
    text += bytes.toString('latin1');
    advance();
  });
  socket.on('error', () => undefined);
  const ended = (): void => {
    if (current !== undefined) current.seen.cut = true;
    journal.note();
  };
  socket.on('end', () => {
    ended();
    socket.end();
  });
  socket.on('close', ended);
}

async function answer(socket: Socket, reply: Reply, method: string, journal: ServerParts['journal']): Promise<void> {
  if (reply.silent === true) return;
  if (reply.delayMs !== undefined) await new Promise((resolve) => setTimeout(resolve, reply.delayMs));
  if (reply.gate !== undefined) await journal.gate(reply.gate);
  if (reply.interim !== undefined) socket.write(reply.interim, 'latin1');
  const [first, rest] = replyText(reply, method);
  if (first !== '') socket.write(first, 'latin1');
  if (reply.bodyGate !== undefined) await journal.gate(reply.bodyGate);
  if (rest !== '') socket.write(rest, 'latin1');
  if (reply.after === 'close') socket.end();
  // What was written must be on its way before the reset, which would overtake it.
  else if (reply.after === 'reset') socket.write('', () => socket.resetAndDestroy());
}

/** The head with the first piece of the body, and the rest. */
function replyText(reply: Reply, method: string): readonly [string, string] {
  const { status, headers, body, trailers = {}, raw, after } = reply;
  if (raw !== undefined) return [raw, ''];
  if (after !== undefined && after !== 'keep' && status === undefined && headers === undefined && body === undefined) return ['', ''];
  const pairs = Array.isArray(headers) ? (headers as readonly (readonly [string, string])[]) : Object.entries(headers ?? {});
  const start = `HTTP/1.1 ${status ?? 200} Scripted\r\n${lines(pairs)}`;
  const chunked = typeof body === 'object' || Object.keys(trailers).length > 0;
  if (chunked) {
    const [first = '', ...more] = typeof body === 'object' ? body : [body ?? ''];
    const head = `${start}transfer-encoding: chunked\r\n\r\n`;
    return method === 'HEAD' ? [head, ''] : [head + chunks([first]), `${chunks(more)}0\r\n${lines(Object.entries(trailers))}\r\n`];
  }
  const own = pairs.some(([key]) => /^(content-length|transfer-encoding)$/i.test(key));
  const noLength = own || status === 204 || status === 304 || (status !== undefined && status < 200);
  const text = body ?? '';
  return [`${start}${noLength ? '' : `content-length: ${text.length}\r\n`}\r\n${method === 'HEAD' ? '' : text}`, ''];
}
