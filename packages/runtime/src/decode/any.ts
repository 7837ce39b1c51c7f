import type { Reader } from './reader.ts';

/** One entry of a table of extensions: how the message of this type is decoded. */
export type ExtensionTable<T> = Readonly<Record<string, (config: Reader, extension: Reader) => T | undefined>>;

/**
 * `{ name, typed_config }`: chosen by the type of the configuration, as Envoy does; a type that is not in the table is a fault that
 * names it. undefined = there was a fault, or the entry asks for nothing.
 */
export function decodeExtension<T>(extension: Reader, table: ExtensionTable<T>): T | undefined {
  const name = extension.string('name');
  const config = extension.message('typed_config');
  if (config === undefined) {
    extension.fail('typed_config', `missing; the extension "${name}" cannot be told by its name alone`);
    return undefined;
  }
  const type = config.type();
  const decode = Object.hasOwn(table, type) ? table[type] : undefined;
  if (decode === undefined) {
    // Naming the extension is enough: its fields would all be reported too.
    config.ignoreRest();
    config.fail('', `extension "${name}" of type ${type === '' ? '(none)' : type} is not supported by this proxy`);
    return undefined;
  }
  return decode(config, extension);
}
