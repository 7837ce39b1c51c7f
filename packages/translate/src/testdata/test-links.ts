import { existsSync } from 'node:fs';

const PACKAGES = new URL('../../../', import.meta.url);

/** `room/src/x.test.ts` in a text as links from a page in docs/reference. Throws when there is no such test. */
export function linked(text: string): string {
  return text.replace(/[\w-]+\/src\/[\w/.-]+\.test\.ts/g, (path) => {
    if (!existsSync(new URL(path, PACKAGES))) throw new Error(`there is no packages/${path}`);
    return `[${path}](../../packages/${path})`;
  });
}
