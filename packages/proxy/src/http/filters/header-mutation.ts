import type { HeaderEdit, TrailerQuestion } from '@meltemi/runtime';
import type { BodySink } from '../payload.ts';
import { editLines } from './edits.ts';
import { defineHalf, type FilterHalf } from './half.ts';
import { PassStage } from './pass-stage.ts';

/** Changes trailers, where there are some. */
export const headerMutationHalf: FilterHalf = defineHalf<TrailerQuestion>({
  t: 'header-mutation',
  ask({ edits }, call) {
    if (edits.length > 0) call.x.stageRequest((next) => new TrailerEdits(next, edits));
    call.done(undefined);
    return undefined;
  },
  transform({ edits }) {
    return (next) => new TrailerEdits(next, Array.isArray(edits) ? (edits as readonly HeaderEdit[]) : []);
  },
});

class TrailerEdits extends PassStage {
  readonly #edits: readonly HeaderEdit[];

  constructor(next: BodySink, edits: readonly HeaderEdit[]) {
    super(next);
    this.#edits = edits;
  }

  override end(trailers: Uint8Array | undefined): void {
    this.next.end(trailers === undefined ? undefined : edited(trailers, this.#edits));
  }
}

function edited(trailers: Uint8Array, edits: readonly HeaderEdit[]): Uint8Array | undefined {
  const lines = Buffer.from(trailers)
    .toString('latin1')
    .replace(/^([^:\r\n]+):[ \t]*(.*)$/gm, (_, name: string, value: string) => `${name.toLowerCase()}: ${value}`);
  const text = editLines(lines, edits);
  return text === '' ? undefined : Buffer.from(text, 'latin1');
}
