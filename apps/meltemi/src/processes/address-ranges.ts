import { MeshError } from '@meltemi/base';
import { parseAddressRange } from '@meltemi/http';

/** Ranges of addresses, one or more in a word. Throws MeshError `cli/usage`, which names the flag. */
export function readRanges(words: readonly string[], flag: string): readonly string[] {
  const ranges = words.flatMap((word) => word.split(','));
  try {
    ranges.forEach(parseAddressRange);
  } catch (error) {
    throw new MeshError('cli/usage', `${flag}: ${MeshError.from(error, 'cli/usage').message}`, { cause: error });
  }
  return ranges;
}
