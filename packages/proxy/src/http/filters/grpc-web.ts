import type { GrpcWebQuestion } from '@meltemi/runtime';
import { asBuffer } from '../../net/node-bytes.ts';
import { giveUp } from '../end-exchange.ts';
import type { Exchange } from '../exchange.ts';
import { localReply } from '../local-reply.ts';
import type { BodySink, BodyStage } from '../payload.ts';
import { dropLength } from './edit-request.ts';
import { defineHalf, type FilterHalf } from './half.ts';
import { PassStage } from './pass-stage.ts';

/** Decodes requests of gRPC-Web text, and puts the trailers of responses into their bodies. */
export const grpcWebHalf: FilterHalf = defineHalf<GrpcWebQuestion>({
  t: 'grpc-web',
  ask({ text }, call) {
    const { x } = call;
    dropLength(x);
    x.stageRequest((next) => (text ? new TextStage(x, next) : new PassStage(next)));
    call.done(undefined);
    return undefined;
  },
  transform(settings, x) {
    x.worker.responseScanner.dropLength();
    const { form } = settings;
    return (next) => (form === 'text' ? new FrameStage(next) : form === 'binary' ? new TrailerStage(next) : new NoBodyStage(next));
  },
});

/** Base64 in, bytes out: whole groups of four letters as they come. */
class TextStage implements BodyStage {
  readonly #x: Exchange;
  readonly #next: BodySink;
  #rest: Buffer = Buffer.alloc(0);
  #failed = false;

  constructor(x: Exchange, next: BodySink) {
    this.#x = x;
    this.#next = next;
  }

  write(bytes: Uint8Array, start: number, end: number): boolean {
    if (this.#failed) return true;
    const all = Buffer.concat([this.#rest, asBuffer(bytes).subarray(start, end)]);
    const whole = all.length - (all.length % 4);
    this.#rest = all.subarray(whole);
    if (whole === 0) return true;
    const decoded = decodeGroups(all.toString('latin1', 0, whole));
    if (decoded === undefined) return this.#fail('grpc_base_64_decode_failed');
    return this.#next.write(decoded, 0, decoded.length);
  }

  end(trailers: Uint8Array | undefined): void {
    if (this.#failed) return;
    if (this.#rest.length > 0) this.#fail('grpc_base_64_decode_failed_bad_size');
    else this.#next.end(trailers);
  }

  drained(): boolean {
    return true;
  }

  drop(): void {
    this.#failed = true;
  }

  #fail(details: string): true {
    this.#failed = true;
    giveUp(this.#x, { ...localReply(400, '', details), lines: INVALID });
    return true;
  }
}

const INVALID = 'grpc-status: 13\r\ngrpc-message: Bad gRPC-web request, invalid base64 data.\r\n';
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{4}|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{2}==)$/;

function decodeGroups(text: string): Buffer | undefined {
  return BASE64.test(text) ? Buffer.from(text, 'base64') : undefined;
}

/** The body of what is no gRPC says nothing to the client. */
class NoBodyStage extends PassStage {
  override write(): boolean {
    return true;
  }
}

/** Messages pass; the trailers become one more piece of the body. */
class TrailerStage extends PassStage {
  override end(trailers: Uint8Array | undefined): void {
    if (trailers !== undefined) {
      const frame = this.encode(trailerFrame(trailers));
      this.next.write(frame, 0, frame.length);
    }
    this.next.end(undefined);
  }

  protected encode(frame: Buffer): Buffer {
    return frame;
  }
}

/** The same as text: each message is base64 of its own. */
class FrameStage extends TrailerStage {
  #parts: Buffer[] = [];
  #length = 0;
  /** So much must be here before a message can be whole. */
  #wanted = PREFIX_BYTES;

  override write(bytes: Uint8Array, start: number, end: number): boolean {
    this.#parts.push(Buffer.from(asBuffer(bytes).subarray(start, end)));
    this.#length += end - start;
    if (this.#length < this.#wanted) return true;
    const all = Buffer.concat(this.#parts);
    let at = 0;
    let accepted = true;
    let next = frameLength(all, at);
    for (; at + next <= all.length; next = frameLength(all, at)) {
      const text = this.encode(all.subarray(at, at + next));
      accepted = this.next.write(text, 0, text.length);
      at += next;
    }
    this.#wanted = next;
    this.#length = all.length - at;
    this.#parts = [all.subarray(at)];
    return accepted;
  }

  protected override encode(frame: Buffer): Buffer {
    return Buffer.from(frame.toString('base64'), 'latin1');
  }
}

const PREFIX_BYTES = 5;

/** Bytes of the message that begins at `at`, or of its prefix as long as that is not whole. */
function frameLength(bytes: Buffer, at: number): number {
  return bytes.length - at < PREFIX_BYTES ? PREFIX_BYTES : PREFIX_BYTES + bytes.readUInt32BE(at + 1);
}

const TRAILER_FLAG = 0x80;

/** `name:value` lines behind a prefix that says that they are trailers. */
function trailerFrame(trailers: Uint8Array): Buffer {
  const lines = Buffer.from(trailers)
    .toString('latin1')
    .split('\r\n')
    .filter((line) => line !== '')
    .map((line) => {
      const colon = line.indexOf(':');
      return `${line.slice(0, colon).toLowerCase()}:${line.slice(colon + 1).trim()}\r\n`;
    });
  const text = Buffer.from(lines.join(''), 'latin1');
  const prefix = Buffer.alloc(PREFIX_BYTES);
  prefix[0] = TRAILER_FLAG;
  prefix.writeUInt32BE(text.length, 1);
  return Buffer.concat([prefix, text]);
}
