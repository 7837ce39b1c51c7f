import { CODECS, type FuzzCodec } from './codec.ts';
import { cuts, mutate, Random, Transcript } from './random.ts';

/** Inputs that were one codec's, and what went wrong. */
export interface ShareResult {
  readonly inputs: number;
  readonly faults: readonly string[];
}

/** Enough to see what is wrong. */
const MAX_FAULTS = 3;

/** Fuzzes each codec in turn with the inputs of `seeds` from `first` on; deterministic, so that a seed shows its input again. */
export function fuzzShare(first: number, seeds: number): ShareResult {
  const faults: string[] = [];
  let seed = first;
  for (; seed < first + seeds && faults.length < MAX_FAULTS; seed++)
    for (const [number, codec] of CODECS.entries()) {
      const fault = fuzzOne(codec, seed * CODECS.length + number);
      if (fault !== undefined) faults.push(fault);
    }
  return { inputs: (seed - first) * CODECS.length, faults };
}

/** One input whole and in pieces; answers what is wrong. */
function fuzzOne(codec: FuzzCodec, seed: number): string | undefined {
  const random = new Random(seed);
  const input = mutate(codec.generate(random), random);
  const places = cuts(input.length, random);
  try {
    const whole = new Transcript(false);
    codec.run(Buffer.from(input), [], whole);
    const split = new Transcript(false);
    codec.run(Buffer.from(input), places, split);
    if (whole.hash === split.hash) return undefined;
    return `${describe(codec, seed, input)}: whole and cut at ${places.join(',')} differ:\n${words(codec, input, [])}\n--- cut:\n${words(codec, input, places)}`;
  } catch (error) {
    return `${describe(codec, seed, input)}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
  }
}

function describe(codec: FuzzCodec, seed: number, input: Buffer): string {
  return `${codec.name}, seed ${seed}, input ${input.toString('base64')}`;
}

function words(codec: FuzzCodec, input: Buffer, places: readonly number[]): string {
  const transcript = new Transcript(true);
  codec.run(Buffer.from(input), places, transcript);
  return (transcript.words ?? []).join('\n');
}
