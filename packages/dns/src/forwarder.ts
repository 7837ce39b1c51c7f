import { createSocket } from 'node:dgram';
import { createConnection, isIPv6 } from 'node:net';
import { MeshError } from '@meltemi/base';
import { answersTo } from './codec.ts';
import { frame, TcpMessages } from './tcp-messages.ts';

/** Answers questions that are not the mesh's. Rejects with `dns/forward-failed`. */
export interface Forwarder {
  forward(question: Uint8Array, transport: 'udp' | 'tcp'): Promise<Uint8Array>;
}

export interface ForwarderOptions {
  /** Resolver addresses in order of preference; `address` or `address#port`. */
  readonly nameservers: readonly string[];
  /** For each attempt at one resolver. */
  readonly timeoutMs?: number;
  /** Questions in flight at once; more are refused at once. */
  readonly maxInFlight?: number;
}

const DEFAULT_TIMEOUT_MS = 2000;
const DEFAULT_IN_FLIGHT = 256;
const MAX_TCP_ANSWER_BYTES = 65_535;

/** A forwarder over the host's resolvers: each is tried once, in order. */
export function createForwarder(options: ForwarderOptions): Forwarder {
  const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  const limit = options.maxInFlight ?? DEFAULT_IN_FLIGHT;
  let inFlight = 0;
  return {
    async forward(question, transport) {
      if (inFlight >= limit) throw new MeshError('dns/forward-failed', `More than ${limit} DNS questions are waiting for the host's resolvers.`);
      inFlight++;
      try {
        return await askInTurn(question, transport, options.nameservers, timeoutMs);
      } finally {
        inFlight--;
      }
    },
  };
}

async function askInTurn(question: Uint8Array, transport: 'udp' | 'tcp', nameservers: readonly string[], timeoutMs: number): Promise<Uint8Array> {
  let last: unknown;
  for (const server of nameservers) {
    const [address = '', port = '53'] = server.split('#');
    try {
      return await (transport === 'udp' ? askUdp : askTcp)(question, address, Number(port), timeoutMs);
    } catch (error) {
      last = error;
    }
  }
  const why = nameservers.length === 0 ? 'the host names no resolver' : `none of ${nameservers.join(', ')} answered`;
  throw new MeshError('dns/forward-failed', `A DNS question could not be forwarded: ${why}.`, { cause: last });
}

function askUdp(question: Uint8Array, address: string, port: number, timeoutMs: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    // A connected socket of its own for each question: a random source port, and only this resolver can answer.
    const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
    let ended = false;
    const end = (settle: () => void): void => {
      if (ended) return;
      ended = true;
      clearTimeout(timer);
      socket.close();
      settle();
    };
    const timer = setTimeout(() => end(() => reject(new Error(`no answer from ${address} within ${timeoutMs} ms`))), timeoutMs);
    socket.on('error', (error) => end(() => reject(error)));
    socket.on('message', (message) => {
      if (answersTo(message, question)) end(() => resolve(message));
    });
    socket.connect(port, address, () => socket.send(question));
  });
}

function askTcp(question: Uint8Array, address: string, port: number, timeoutMs: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ host: address, port });
    const messages = new TcpMessages(MAX_TCP_ANSWER_BYTES);
    const end = (settle: () => void): void => {
      clearTimeout(timer);
      socket.destroy();
      settle();
    };
    const timer = setTimeout(() => end(() => reject(new Error(`no answer from ${address} within ${timeoutMs} ms`))), timeoutMs);
    socket.on('error', (error) => end(() => reject(error)));
    socket.on('close', () => end(() => reject(new Error(`${address} closed the connection`))));
    socket.on('connect', () => socket.write(frame(question)));
    socket.on('data', (chunk) => {
      const found = messages.push(chunk)?.find((message) => answersTo(message, question));
      if (found !== undefined) end(() => resolve(found));
    });
  });
}
