import type { Http2Server, Http2SecureServer, IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import type { ReplyQueue } from './http1-server.ts';
import type { Reply } from './script.ts';
import type { SeenRequest, ServerParts } from './seen.ts';

/** Serves HTTP/2 streams by script. */
export function serveHttp2(server: Http2Server | Http2SecureServer, { name, journal }: ServerParts, replies: ReplyQueue): void {
  server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    const reply = replies.next();
    const seen: SeenRequest = {
      at: name,
      method: String(headers[':method']),
      target: String(headers[':path']),
      version: 'HTTP/2',
      headers: flat(headers),
      body: '',
      trailers: {},
      complete: false,
      cut: false,
    };
    journal.requests.push(seen);
    journal.note();
    for (const { status, headers: more = {} } of reply.informational ?? []) stream.additionalHeaders({ ':status': status, ...more });
    stream.on('data', (bytes: Buffer) => {
      seen.body += bytes.toString('latin1');
      journal.note();
    });
    stream.on('trailers', (trailers: IncomingHttpHeaders) => (seen.trailers = flat(trailers)));
    stream.on('end', () => {
      seen.complete = true;
      journal.note();
      if (reply.early !== true) void answer(stream, reply, journal);
    });
    stream.on('error', () => undefined);
    stream.on('close', () => {
      if (!seen.complete || !stream.writableEnded) seen.cut = true;
      journal.note();
    });
    if (reply.early === true) void answer(stream, reply, journal);
  });
}

async function answer(stream: ServerHttp2Stream, reply: Reply, journal: ServerParts['journal']): Promise<void> {
  if (reply.silent === true) return;
  if (reply.delayMs !== undefined) await new Promise((resolve) => setTimeout(resolve, reply.delayMs));
  if (reply.gate !== undefined) await journal.gate(reply.gate);
  if (stream.destroyed) return;
  const { status, headers = {}, body, trailers = {}, after } = reply;
  if (after === 'reset' && status === undefined && body === undefined) return stream.close(2);
  if (after === 'close' && status === undefined && body === undefined) return stream.session?.destroy();
  const pairs: Record<string, string> = Array.isArray(headers)
    ? Object.fromEntries(headers as readonly (readonly [string, string])[])
    : (headers as Record<string, string>);
  const pieces = typeof body === 'object' ? body : body === undefined ? [] : [body];
  const hasTrailers = Object.keys(trailers).length > 0;
  const bare = pieces.length === 0 && !hasTrailers && after === undefined;
  stream.respond({ ':status': status ?? 200, ...pairs }, { waitForTrailers: hasTrailers, endStream: bare, sendDate: false } as object);
  if (bare) return;
  stream.on('wantTrailers', () => stream.sendTrailers(trailers));
  const [first, ...rest] = pieces;
  if (first !== undefined) stream.write(Buffer.from(first, 'latin1'));
  if (reply.bodyGate !== undefined) await journal.gate(reply.bodyGate);
  for (const piece of rest) stream.write(Buffer.from(piece, 'latin1'));
  if (after === 'reset') stream.close(2);
  else if (after === 'close') stream.session?.destroy();
  else stream.end();
}

function flat(headers: IncomingHttpHeaders): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers)
      .filter(([name]) => name !== ':method' && name !== ':path')
      .map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : String(value)]),
  );
}
