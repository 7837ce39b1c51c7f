// Bidirectional streams of gRPC: `stream-load-node.ts PORT SECONDS`. 4 connections with 8 streams each; on each stream a message of 128 bytes goes out
// when the one before has come back. What is counted is messages.
import { connect, type ClientHttp2Session } from 'node:http2';

const [port = '', seconds = ''] = process.argv.slice(2);
const SESSIONS = 4;
const STREAMS = 8;
const message = Buffer.concat([Buffer.from([0, 0, 0, 0, 128]), Buffer.alloc(128, 'x')]);
let requests = 0;
let bad = 0;
const started = performance.now();
const end = started + Number(seconds) * 1000;

function talk(session: ClientHttp2Session): Promise<void> {
  return new Promise((resolve) => {
    const stream = session.request({ ':method': 'POST', ':path': '/pkg.Service/Chat', 'content-type': 'application/grpc', te: 'trailers' });
    let got = 0;
    stream.on('response', (headers) => {
      if (headers[':status'] !== 200) bad++;
    });
    stream.on('trailers', (trailers) => {
      if (trailers['grpc-status'] !== '0') bad++;
    });
    stream.on('data', (bytes: Buffer) => {
      got += bytes.length;
      if (got < message.length) return;
      got -= message.length;
      requests++;
      if (performance.now() < end) stream.write(message);
      else stream.end();
    });
    stream.on('error', () => bad++);
    stream.on('close', () => resolve());
    stream.write(message);
  });
}

await Promise.all(
  Array.from({ length: SESSIONS }, async () => {
    const session = connect(`http://127.0.0.1:${port}`);
    session.on('error', () => bad++);
    await Promise.all(Array.from({ length: STREAMS }, () => talk(session)));
    session.close();
  }),
);
console.log(JSON.stringify({ requests, seconds: (performance.now() - started) / 1000, errors: bad === 0 ? '' : `${bad} errors` }));
