import type { IncomingMessage } from 'node:http';
import { HttpError } from './respond.ts';

/** Reads a whole body. HttpError 413 above the limit (what is left is not read), 400 when the client breaks off. */
export async function readBody(message: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const announced = Number(message.headers['content-length'] ?? 0);
  if (announced > maxBytes) throw tooLarge(maxBytes);
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of message as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > maxBytes) throw tooLarge(maxBytes);
      chunks.push(chunk);
    }
  } catch (error) {
    if (error instanceof HttpError) throw error;
    throw new HttpError(400, 'http/body-broken', 'The client broke off in the middle of the body.', { cause: error });
  }
  return Buffer.concat(chunks, size);
}

/** Parses a JSON body; HttpError 400 with the parser's words. */
export function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8')) as unknown;
  } catch (error) {
    throw new HttpError(400, 'http/bad-json', `The body is not JSON: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

function tooLarge(maxBytes: number): HttpError {
  return new HttpError(413, 'http/body-too-large', `The body is larger than ${maxBytes} bytes.`);
}
