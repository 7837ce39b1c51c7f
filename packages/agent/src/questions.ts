import { MeshError, type Timers } from '@meltemi/base';

/** Questions to the launcher that wait for their answers. */
export interface Questions<T> {
  /** Throws `agent/no-answer` when the launcher says so, says nothing in time, or is gone. */
  ask(make: (id: number) => T): Promise<string>;
  answer(id: number, value: string | undefined, error: string | undefined): void;
  /** The launcher is gone: what waits has no answer, nor has anything asked from now on. */
  close(): void;
}

/** Longer than the launcher tries by itself: whoever asks a resolver has given up by then. */
const ANSWER_TIMEOUT_MS = 15_000;

export function createQuestions<T>(send: (message: T) => void, timers: Timers): Questions<T> {
  const waiting = new Map<number, (value: string | undefined, error: string | undefined) => void>();
  let last = 0;
  let closed = false;
  return {
    ask(make) {
      const id = ++last;
      const { promise, resolve, reject } = Promise.withResolvers<string>();
      const timer = timers.after(ANSWER_TIMEOUT_MS, () => settle(undefined, 'the launcher gave no answer in time'));
      const settle = (value: string | undefined, error = 'the launcher gave no answer'): void => {
        timer.cancel();
        waiting.delete(id);
        if (value === undefined) reject(new MeshError('agent/no-answer', error));
        else resolve(value);
      };
      waiting.set(id, settle);
      if (closed) settle(undefined, 'the launcher is gone');
      else send(make(id));
      return promise;
    },
    answer: (id, value, error) => waiting.get(id)?.(value, error),
    close() {
      closed = true;
      for (const settle of waiting.values()) settle(undefined, 'the launcher is gone');
    },
  };
}
