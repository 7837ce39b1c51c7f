import type { Config } from '@meltemi/api';
import { formatOrigin, type Origin } from '@meltemi/base';

/** Where an object came from, shown on every read. The server makes it: what a client sends there is dropped. */
const ORIGIN_ANNOTATION = 'meltemi.io/origin';

/** `mesh/routing.yaml:12` (a watched file), `apply routing.yaml:1`, `apply` (a client that names no file). */
function originText(origin: Origin): string {
  const { file, line } = origin;
  const place = file === undefined ? '' : formatOrigin({ source: origin.source, file, ...(line === undefined ? {} : { line }) });
  return origin.source === 'api' ? `apply ${place}`.trimEnd() : place === '' ? origin.source : place;
}

export function withOrigin(config: Config): Config {
  return { ...config, meta: { ...config.meta, annotations: { ...config.meta.annotations, [ORIGIN_ANNOTATION]: originText(config.origin) } } };
}

/** Of a text that was read here and is applied again, the annotation is not the user's. */
export function withoutOrigin(config: Config): Config {
  if (config.meta.annotations[ORIGIN_ANNOTATION] === undefined) return config;
  const { [ORIGIN_ANNOTATION]: _, ...annotations } = config.meta.annotations;
  return { ...config, meta: { ...config.meta, annotations } };
}
