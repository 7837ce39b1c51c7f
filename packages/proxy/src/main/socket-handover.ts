import { dropGiven, keepGiven, socketsToGive, type SocketHandle } from '../net/handed-sockets.ts';

/** What agent and proxy say over IPC when sockets change hands. */
type Message =
  | { readonly t: 'want-sockets' }
  | { readonly t: 'give-sockets' }
  | { readonly t: 'socket'; readonly key: string }
  | { readonly t: 'sockets-end' };

/** A predecessor that does not answer: then ports are bound anew. */
const LIMIT_MS = 2_000;
/** The configuration has asked for all that it needs by then. */
const KEEP_MS = 10_000;

/** Gives its listening sockets to a successor when the agent asks for them. */
export function giveSockets(): void {
  process.on('message', (message: Message) => {
    if (message.t !== 'give-sockets') return;
    for (const [key, handle] of socketsToGive()) process.send?.({ t: 'socket', key } satisfies Message, handle as never);
    process.send?.({ t: 'sockets-end' } satisfies Message);
  });
}

/** Takes those of its predecessor over. What nobody has asked for after a while is given up, also when the predecessor broke off in the middle. */
export function takeSockets(): Promise<void> {
  return new Promise((resolve) => {
    let over = false;
    const taken = (): void => {
      clearTimeout(timer);
      setTimeout(() => {
        over = true;
        dropGiven();
      }, KEEP_MS).unref();
      resolve();
    };
    const timer = setTimeout(taken, LIMIT_MS);
    process.on('message', (message: Message, handle: unknown) => {
      if (message.t === 'sockets-end') taken();
      else if (message.t === 'socket' && over) (handle as SocketHandle).close();
      else if (message.t === 'socket') keepGiven(message.key, handle as SocketHandle);
    });
    process.send?.({ t: 'want-sockets' } satisfies Message);
  });
}
