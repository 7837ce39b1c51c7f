// A server of plain TCP: it puts its version in front of every line that it gets.
import { createServer } from 'node:net';

const { VERSION = 'v1', PORT = '9000', HOST = '0.0.0.0' } = process.env;

createServer((socket) => {
  socket.on('error', () => {});
  socket.setEncoding('utf8').on('data', (text) => socket.write(`${VERSION} ${text}`));
}).listen(Number(PORT), HOST);
