// One link of the chain customer → preference → recommendation. It knows nothing of a mesh: it listens on PORT and calls NEXT.
//
//   NAME, VERSION   what it says of itself
//   NEXT            name of the service that it calls, none at the end of the chain
//
// A caller can ask a version to misbehave; headers that begin with x-, end-user and cookies go along the chain, and cookies that are set come back:
//   x-break: v2         version v2 answers 503
//   x-flaky: v2         version v2 answers every other request with 503
//   x-slow: v2=3000     version v2 takes 3000 ms
//   x-run: mine         it is counted under this name: /runs tells how many came with each
//   x-times: preference=20   preference calls the next one 20 times and tells all answers
import { createServer, request } from 'node:http';

const { NAME = 'customer', VERSION = 'v1', NEXT = '', PORT = '8080', HOST = '0.0.0.0' } = process.env;
let count = 0;
let flaky = 0;
/** Requests by the name of their run, '' = none. */
const runs = new Map();

/** Where a service is: by its name, or by what Kubernetes and Meltemi tell in the environment. */
function addressOf(service) {
  const key = service.toUpperCase();
  return { host: process.env[`${key}_SERVICE_HOST`] ?? service, port: process.env[`${key}_SERVICE_PORT`] ?? 8080 };
}

function passedOn(headers) {
  const kept = Object.entries(headers).filter(
    ([name]) =>
      /^(x-|end-user$|traceparent$|tracestate$|baggage$|cookie$)/.test(name) && !name.startsWith('x-envoy-') && !name.startsWith('x-forwarded'),
  );
  return Object.fromEntries(kept);
}

function callNext(headers, path) {
  const { host, port } = addressOf(NEXT);
  return new Promise((resolve) => {
    const call = request({ host, port, path, headers: { ...passedOn(headers), host: NEXT } }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text) => (body += text));
      response.on('end', () => resolve({ status: response.statusCode, body, cookies: response.headers['set-cookie'] ?? [] }));
    });
    call.on('error', (error) => resolve({ status: 503, body: String(error.message), cookies: [] }));
    call.end();
  });
}

async function answer(headers, path) {
  const [slowVersion, slowMs] = String(headers['x-slow'] ?? '').split('=');
  if (NEXT === '' && slowVersion === VERSION) await new Promise((resolve) => setTimeout(resolve, Number(slowMs)));
  const broken = NEXT === '' && (headers['x-break'] === VERSION || (headers['x-flaky'] === VERSION && flaky++ % 2 === 0));
  if (broken) return { status: 503, body: `${NAME} ${VERSION} misbehaves` };
  if (NEXT === '') return { status: 200, body: `${NAME} ${VERSION}: ${++count}` };
  const [timesName, times] = String(headers['x-times'] ?? '').split('=');
  const answers = [];
  do answers.push(await callNext(headers, path));
  while (timesName === NAME && answers.length < Number(times));
  return {
    status: Math.max(...answers.map(({ status }) => status)),
    body: answers.map(({ body }) => `${NAME} => ${body.trim()}`).join('\n'),
    cookies: answers.flatMap(({ cookies }) => cookies),
  };
}

const server = createServer((incoming, outgoing) => {
  incoming.resume();
  const run = String(incoming.headers['x-run'] ?? '');
  runs.set(run, (runs.get(run) ?? 0) + 1);
  if (incoming.url === '/runs') {
    outgoing.end(JSON.stringify(Object.fromEntries(runs)));
    return;
  }
  if (incoming.url === '/count') {
    outgoing.end(String(count));
    return;
  }
  void answer(incoming.headers, incoming.url).then(({ status, body, cookies = [] }) =>
    outgoing.writeHead(status, { 'content-type': 'text/plain', ...(cookies.length === 0 ? {} : { 'set-cookie': cookies }) }).end(`${body}\n`),
  );
});
// Longer than who calls keeps a connection without requests: a server that closes first (Node's default: after 5 s) now and then closes just when a request
// comes, and Envoy answers that one with 503.
server.keepAliveTimeout = 3_700_000;
server.listen(Number(PORT), HOST);
