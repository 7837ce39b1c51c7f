import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

/** An Envoy binary: `MELTEMI_ENVOY`, PATH, or the one that the Python package `envoy` brings; undefined = none. */
export function findEnvoy(): string | undefined {
  const named = process.env['MELTEMI_ENVOY'];
  if (named !== undefined && existsSync(named)) return named;
  const script = "import envoy,os;print(os.path.join(os.path.dirname(envoy.__file__),'_bin','envoy'))";
  const python = spawnSync('python3', ['-c', script], { encoding: 'utf8' }).stdout?.trim() ?? '';
  if (python !== '' && existsSync(python)) return python;
  return spawnSync('envoy', ['--version']).status === 0 ? 'envoy' : undefined;
}

/** `Envoy 1.40.0 (RELEASE, BoringSSL)`. */
export function envoyVersion(envoy: string): string {
  const [, version = '?', , build = '', tls = ''] =
    /version: [0-9a-f]+\/([^/]+)\/([^/]+)\/([^/]+)\/(\S+)/.exec(spawnSync(envoy, ['--version'], { encoding: 'utf8' }).stdout) ?? [];
  return `Envoy ${version} (${build}, ${tls}), --concurrency 1`;
}
