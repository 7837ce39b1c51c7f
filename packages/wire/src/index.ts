export { plainBytes, type BytesPort } from './bytes.ts';
export { BodyFramer, type BodyMode } from './body-framer.ts';
export { ChunkedFramer, type PayloadSink } from './chunked.ts';
export { HeadBuffer } from './head-buffer.ts';
export { ascii, HeadScanner, matches, NEED_MORE, REFUSED } from './head-scanner.ts';
export { HEADER, KNOWN_COUNT, KNOWN_HEADERS, knownHeader, type KnownHeader } from './known-headers.ts';
export { DEFAULT_LIMITS, type WireError, type WireLimits } from './limits.ts';
