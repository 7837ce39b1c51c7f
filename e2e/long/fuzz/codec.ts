import { clientHello } from './client-hello.ts';
import { chunkedBody, httpSniff, requestHead, responseHead } from './http1.ts';
import { h2Client, h2Server, h2Windows } from './http2.ts';
import { h2Pair } from './http2-pair.ts';
import { proxyProtocol } from './proxy-protocol.ts';
import type { Random, Transcript } from './random.ts';

/** A codec under fuzz. */
export interface FuzzCodec {
  readonly name: string;
  /** A well-formed input, or nearly so. */
  generate(random: Random): Buffer;
  /** Feeds the input, cut at `cutsAt` (ascending), and tells what the codec made of it. Must not throw, and not depend on the cuts. */
  run(input: Buffer, cutsAt: readonly number[], transcript: Transcript): void;
}

/** Every codec that reads what a stranger sends. */
export const CODECS: readonly FuzzCodec[] = [
  requestHead,
  responseHead,
  chunkedBody,
  h2Server,
  h2Client,
  h2Windows,
  h2Pair,
  clientHello,
  proxyProtocol,
  httpSniff,
];
