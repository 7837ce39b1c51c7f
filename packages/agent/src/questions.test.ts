import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createQuestions } from './questions.ts';
import { createManualPlatform } from './testing/manual-platform.ts';

test('a question to the launcher is answered, times out, or ends with the launcher', async () => {
  const time = createManualPlatform(0);
  const sent: number[] = [];
  const questions = createQuestions<number>((id) => sent.push(id), time.platform.timers);
  const ask = (): Promise<string> => questions.ask((id) => id).catch((error: Error) => error.message);

  const first = ask();
  questions.answer(1, 'yes', undefined);
  assert.equal(await first, 'yes');

  const late = ask();
  time.fire();
  assert.equal(await late, 'the launcher gave no answer in time');
  questions.answer(2, 'too late', undefined);

  const refused = ask();
  questions.answer(3, undefined, 'no');
  assert.equal(await refused, 'no');

  const open = [ask(), ask()];
  questions.close();
  assert.deepEqual(await Promise.all([...open, ask()]), Array(3).fill('the launcher is gone'));
  assert.deepEqual(sent, [1, 2, 3, 4, 5]);
});
