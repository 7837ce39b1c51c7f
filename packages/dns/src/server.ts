import { createSocket, type RemoteInfo, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, isIPv6, type Server, type Socket } from 'node:net';
import { type Clock, type Log, MeshError } from '@meltemi/base';
import { decodeQuery, encodeAnswer, encodeFailure, fitDatagram, type Query, RCODE } from './codec.ts';
import type { Forwarder } from './forwarder.ts';
import type { NameIndex } from './name-table.ts';
import { createRateLimit, type RateLimit } from './rate-limit.ts';
import { frame, TcpMessages } from './tcp-messages.ts';

/** A DNS server that knows the mesh's names and asks others for the rest. */
export interface DnsServer extends AsyncDisposable {
  /** Where it listens, UDP and TCP alike. */
  readonly port: number;
  /** Replaces the mesh's names at once. */
  setNames(names: NameIndex): void;
  readonly stats: Readonly<DnsStats>;
  close(): Promise<void>;
}

/** Counters since the start. */
export interface DnsStats {
  answered: number;
  forwarded: number;
  failed: number;
  /** Malformed, over the rate, or a response instead of a question. */
  refused: number;
}

export interface DnsServerOptions {
  readonly address: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly names: NameIndex;
  readonly forwarder: Forwarder;
  readonly clock: Clock;
  readonly log: Log;
  /** Questions a second, over all clients; more are dropped (UDP) or cut off (TCP). */
  readonly maxQuestionsPerSecond?: number;
  readonly ttlSeconds?: number;
}

const DEFAULTS = { questionsPerSecond: 5000, ttlSeconds: 30 } as const;
const TCP_LIMITS = { connections: 64, messageBytes: 4096, idleMs: 10_000 } as const;
const BIND_ATTEMPTS = 20;

interface Context {
  names: NameIndex;
  closed: boolean;
  readonly forwarder: Forwarder;
  readonly rate: RateLimit;
  readonly ttlSeconds: number;
  readonly stats: DnsStats;
  readonly log: Log;
}

/** Starts the server. Throws `dns/listen-failed`. */
export async function startDnsServer(options: DnsServerOptions): Promise<DnsServer> {
  const context: Context = {
    names: options.names,
    closed: false,
    forwarder: options.forwarder,
    rate: createRateLimit(options.clock, options.maxQuestionsPerSecond ?? DEFAULTS.questionsPerSecond),
    ttlSeconds: options.ttlSeconds ?? DEFAULTS.ttlSeconds,
    stats: { answered: 0, forwarded: 0, failed: 0, refused: 0 },
    log: options.log,
  };
  const { udp, tcp, port } = await bindBoth(options.address, options.port);
  const connections = new Set<Socket>();
  udp.on('message', (message, from) => void answerDatagram(context, udp, message, from));
  udp.on('error', (error) => options.log.warn('DNS socket', { error: error.message }));
  tcp.maxConnections = TCP_LIMITS.connections;
  tcp.on('connection', (socket) => serveConnection(context, connections, socket));
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => {
    context.closed = true;
    for (const socket of connections) socket.destroy();
    closing ??= Promise.all([new Promise<void>((done) => udp.close(() => done())), new Promise<void>((done) => tcp.close(() => done()))]).then(
      () => undefined,
    );
    return closing;
  };
  return { port, stats: context.stats, setNames: (names) => void (context.names = names), close, [Symbol.asyncDispose]: close };
}

async function bindBoth(address: string, port: number): Promise<{ udp: UdpSocket; tcp: Server; port: number }> {
  // With port 0 the number that TCP got may be taken for UDP: then another one.
  for (let attempt = 0; ; attempt++) {
    const tcp = createServer({ allowHalfOpen: false });
    const udp = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
    try {
      tcp.listen(port, address);
      await once(tcp, 'listening');
      const bound = (tcp.address() as { port: number }).port;
      udp.bind(bound, address);
      await once(udp, 'listening');
      return { udp, tcp, port: bound };
    } catch (cause) {
      tcp.close();
      udp.close();
      if (port !== 0 || attempt === BIND_ATTEMPTS)
        throw new MeshError('dns/listen-failed', `DNS cannot listen on ${address}:${port}: ${String(cause)}. Is another agent running there?`, {
          cause,
        });
    }
  }
}

async function answerDatagram(context: Context, udp: UdpSocket, message: Buffer, from: RemoteInfo): Promise<void> {
  const answer = await answerMessage(context, message, 'udp');
  // What came back from another resolver after the end has no socket to leave by: sending would throw.
  if (answer === undefined || context.closed) return;
  udp.send(answer, from.port, from.address, (error) => {
    if (error) context.log.debug('DNS answer not sent', { error: error.message });
  });
}

function serveConnection(context: Context, connections: Set<Socket>, socket: Socket): void {
  const messages = new TcpMessages(TCP_LIMITS.messageBytes);
  connections.add(socket);
  socket.setTimeout(TCP_LIMITS.idleMs, () => socket.destroy());
  socket.on('error', () => socket.destroy());
  socket.on('close', () => connections.delete(socket));
  let turn = Promise.resolve();
  socket.on('data', (chunk) => {
    const found = messages.push(chunk);
    if (found === undefined) {
      context.stats.refused++;
      socket.destroy();
      return;
    }
    // One after the other: the client's next questions wait in the socket while ours are open.
    socket.pause();
    turn = turn.then(() => answerAll(context, socket, found)).finally(() => socket.resume());
  });
}

async function answerAll(context: Context, socket: Socket, messages: readonly Uint8Array[]): Promise<void> {
  for (const message of messages) {
    const answer = await answerMessage(context, message, 'tcp');
    if (answer === undefined) {
      socket.destroy();
      return;
    }
    if (!socket.destroyed) socket.write(frame(answer));
  }
}

async function answerMessage(context: Context, message: Uint8Array, transport: 'udp' | 'tcp'): Promise<Uint8Array | undefined> {
  const received = decodeQuery(message);
  if (received.t === 'ignore' || !context.rate.take()) {
    context.stats.refused++;
    return undefined;
  }
  if (received.t === 'refuse') {
    context.stats.refused++;
    return encodeFailure(received.id, received.rcode);
  }
  const { query } = received;
  const known = context.names.lookup(query.name);
  if (known !== undefined) {
    context.stats.answered++;
    const answer = encodeAnswer(query, addressesFor(query, known), context.ttlSeconds);
    return transport === 'udp' ? fitDatagram(answer, query) : answer;
  }
  return forwardQuestion(context, message, query, transport);
}

async function forwardQuestion(context: Context, message: Uint8Array, query: Query, transport: 'udp' | 'tcp'): Promise<Uint8Array> {
  try {
    const answer = await context.forwarder.forward(message, transport);
    context.stats.forwarded++;
    return answer;
  } catch (error) {
    context.stats.failed++;
    context.log.debug('DNS question not forwarded', { name: query.name, error: String(error) });
    return encodeFailure(query.id, RCODE.serverFailure, message);
  }
}

function addressesFor(query: Query, known: readonly string[]): string[] {
  if (query.type === 'AAAA') return known.filter((address) => isIPv6(address));
  if (query.type === 'A' || query.type === 'ANY') return known.filter((address) => !isIPv6(address));
  return [];
}
