import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundledSchema } from '@meltemi/protos';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** What `npm run pack` would ship, in a folder of its own: memory and start are measured on that, not on sources that Node has to strip of types. */
export async function bundleProduct(folder: string): Promise<string> {
  const script = new URL('../../scripts/pack-bundle.ts', import.meta.url).href;
  const { bundle } = (await import(script)) as { readonly bundle: (root: string, outdir: string) => Promise<unknown> };
  const dist = join(folder, 'dist');
  mkdirSync(join(folder, 'console'), { recursive: true });
  mkdirSync(dist, { recursive: true });
  await bundle(ROOT, dist);
  for (const { fileName, text } of [bundledSchema('sidecar'), bundledSchema('all')]) writeFileSync(join(dist, fileName), text);
  writeFileSync(join(folder, 'package.json'), '{"name":"meltemi","version":"0.0.0","type":"module"}\n');
  return join(dist, 'main.js');
}
