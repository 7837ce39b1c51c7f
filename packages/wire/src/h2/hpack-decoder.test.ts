import assert from 'node:assert/strict';
import { test } from 'node:test';
import { plainBytes } from '../bytes.ts';
import { decode } from './testdata/tools.ts';
import { HpackDecoder } from './hpack-decoder.ts';

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));

/** The messages of RFC 7541 appendix C.3 and C.5 as heads. */
const REQUESTS = [
  'GET / HTTP/1.1\r\nhost: www.example.com\r\n\r\n',
  'GET / HTTP/1.1\r\nhost: www.example.com\r\ncache-control: no-cache\r\n\r\n',
  'GET /index.html HTTP/1.1\r\nhost: www.example.com\r\ncustom-key: custom-value\r\n\r\n',
];
const responses = [
  ['302 ', '', '21'],
  ['307 ', '', '21'],
  ['200 ', 'gzip', '22'],
].map(
  ([status, encoding, second]) =>
    `HTTP/1.1 ${status}\r\ncache-control: private\r\ndate: Mon, 21 Oct 2013 20:13:${second} GMT\r\nlocation: https://www.example.com\r\n` +
    (encoding === '' ? '' : 'content-encoding: gzip\r\nset-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1\r\n') +
    '\r\n',
);

test('appendix C.3 and C.4: three requests of one connection, without and with Huffman', () => {
  const plain = new HpackDecoder(plainBytes);
  assert.deepEqual(
    ['828684410f7777772e6578616d706c652e636f6d', '828684be58086e6f2d6361636865', '828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565'].map(
      (block) => decode(plain, hex(block)),
    ),
    REQUESTS,
  );
  const packed = new HpackDecoder(plainBytes);
  assert.deepEqual(
    ['828684418cf1e3c2e5f23a6ba0ab90f4ff', '828684be5886a8eb10649cbf', '828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf'].map((block) =>
      decode(packed, hex(block)),
    ),
    REQUESTS,
  );
});

test('appendix C.5 and C.6: three responses with a table of 256 bytes, so that entries are evicted', () => {
  const plain = new HpackDecoder(plainBytes, 256);
  assert.deepEqual(
    [
      '4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d546e1768747470733a2f2f7777772e6578616d706c652e636f6d',
      '4803333037c1c0bf',
      '88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738666f6f3d4153444a4b48514b425a584f5157454f50495541585157454f49553b206d61782d6167653d333630303b2076657273696f6e3d31',
    ].map((block) => decode(plain, hex(block), 'response')),
    [responses[0], responses[1], (responses[2] as string).replace('private\r\ndate', 'private\r\ndate')],
  );
  const packed = new HpackDecoder(plainBytes, 256);
  assert.deepEqual(
    [
      '488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3',
      '4883640effc1c0bf',
      '88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007',
    ].map((block) => decode(packed, hex(block), 'response')),
    responses,
  );
});

test('appendix C.1 and C.2: numbers and literals', () => {
  const start = '828684 410161';
  const decoder = new HpackDecoder(plainBytes);
  const head = 'GET / HTTP/1.1\r\nhost: a\r\n';
  assert.equal(decode(decoder, hex(`${start} 400a637573746f6d2d6b65790d637573746f6d2d686561646572`)), `${head}custom-key: custom-header\r\n\r\n`);
  assert.equal(decode(decoder, hex('82 86 040c2f73616d706c652f70617468 01 0161')), 'GET /sample/path HTTP/1.1\r\nhost: a\r\n\r\n');
  assert.equal(decode(decoder, hex('828684 010161 100870617373776f726406736563726574')), `${head}password: secret\r\n\r\n`);
  // 1337 in a prefix of five bits: a size update, allowed up to 4096.
  assert.equal(decode(decoder, hex(`3f9a0a ${start}`)), `${head}\r\n`);
  assert.equal(decode(decoder, hex(`3fe21f ${start}`)), 'broken', '4097');
});

test('what breaks the table breaks the connection', () => {
  const cases: readonly [string, string][] = [
    ['80', 'index 0'],
    ['be', 'an index behind the table'],
    ['ffffffffff7f', 'an index of 2^35'],
    ['ff', 'a number cut short'],
    ['ff8080808000', 'a number of too many bytes'],
    ['82 20', 'a size update behind a field'],
    ['41', 'a literal cut short'],
    ['4105 6161', 'a string cut short'],
    ['41ff', 'a length cut short'],
    ['418100', 'padding of zeroes'],
    ['4182ffff', 'padding of more than seven bits'],
    ['4184ffffffff', 'the end of string'],
    ['7f01', 'the name of an index behind the table'],
  ];
  for (const [block, what] of cases) assert.equal(decode(new HpackDecoder(plainBytes), hex(block)), 'broken', what);
});
