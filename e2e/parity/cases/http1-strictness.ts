import { defineCase } from '../define.ts';
import { raw } from '../steps.ts';

/** Hostile HTTP/1.1: refused, never repaired. */
export const cases = [
  defineCase({
    name: 'a space before the colon is refused',
    steps: [raw('GET / HTTP/1.1\r\nhost : a\r\n\r\n', { status: 400, connection: 'closed', backend: null })],
  }),
  defineCase({
    name: 'two different content-lengths are refused',
    steps: [
      raw('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab', { status: 400, connection: 'ended', backend: null }),
    ],
  }),
];
