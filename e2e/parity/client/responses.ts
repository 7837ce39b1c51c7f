import { joined } from '../backend/seen.ts';
import { decodedBody } from './decoded.ts';
import { headerOf, parseMessage, statusOf, type Message } from './message.ts';

export interface SeenResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly trailers: Readonly<Record<string, string>>;
  readonly complete: boolean;
}

export interface SeenResponses {
  readonly responses: readonly SeenResponse[];
  readonly interim: readonly number[];
  /** Bytes that are no response. */
  readonly rest: string;
  readonly length: number;
  /** The last response says that nothing follows it. */
  readonly announcesEnd: boolean;
}

/** Reads the responses in `text`. `methods` of the requests that they answer (default GET); `ended`: no more bytes come. */
export function readResponses(text: string, methods: readonly string[], ended: boolean): SeenResponses {
  const responses: SeenResponse[] = [];
  const interim: number[] = [];
  let at = 0;
  let announcesEnd = false;
  while (at < text.length) {
    const method = methods[responses.length] ?? methods.at(-1) ?? 'GET';
    const parsed = parseMessage(text.slice(at), { t: 'response', method, ended });
    if (parsed === undefined) break;
    const { message, length } = parsed;
    const status = statusOf(message.startLine);
    at += length;
    if (status >= 100 && status < 200 && status !== 101) interim.push(status);
    else {
      responses.push(seenResponse(message, status));
      announcesEnd = announcesItsEnd(message);
    }
    if (!message.complete || status === 101) break;
  }
  return { responses, interim, rest: text.slice(at), length: at, announcesEnd };
}

function seenResponse({ headers, body, trailers, complete }: Message, status: number): SeenResponse {
  const lines = joined(headers);
  return { status, headers: lines, body: decodedBody(body, lines['content-encoding']), trailers: joined(trailers), complete };
}

function announcesItsEnd({ startLine, headers, framing }: Message): boolean {
  const connection = headerOf(headers, 'connection')?.toLowerCase() ?? '';
  return connection.includes('close') || framing === 'close' || (startLine.startsWith('HTTP/1.0') && !connection.includes('keep-alive'));
}
