import type { ServerResponse } from 'node:http';
import { MeshError } from '@meltemi/base';
import type { BodyWriter } from './types.ts';

/** A BodyWriter on a response whose head was sent. */
export function createBodyWriter(response: ServerResponse, signal: AbortSignal): BodyWriter {
  return {
    signal,
    get pendingBytes() {
      return response.writableLength;
    },
    async write(chunk) {
      if (signal.aborted || response.destroyed) throw gone();
      if (response.write(chunk)) return;
      await drained(response, signal);
    },
  };
}

function drained(response: ServerResponse, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const finish = (settle: () => void): void => {
      response.off('drain', onDrain);
      response.off('close', onGone);
      signal.removeEventListener('abort', onGone);
      settle();
    };
    const onDrain = (): void => finish(resolve);
    const onGone = (): void => finish(() => reject(gone()));
    response.on('drain', onDrain);
    response.on('close', onGone);
    signal.addEventListener('abort', onGone);
  });
}

function gone(): MeshError {
  return new MeshError('http/client-gone', 'The client went away before the whole response was written.');
}
