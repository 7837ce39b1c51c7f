import { z } from 'zod';
import type { Path } from '../path.ts';

/** The schema without what makes it optional or gives it a default. */
function unwrap(schema: z.core.$ZodType): z.core.$ZodType {
  let inner = schema;
  while (inner instanceof z.ZodOptional || inner instanceof z.ZodExactOptional || inner instanceof z.ZodDefault) inner = inner.def.innerType;
  return inner;
}

/** The fields of an object schema; undefined for every other schema. */
export function shapeOf(schema: z.core.$ZodType): Readonly<Record<string, z.core.$ZodType>> | undefined {
  const inner = unwrap(schema);
  return inner instanceof z.ZodObject ? (inner.shape as Readonly<Record<string, z.core.$ZodType>>) : undefined;
}

/** The schema of a field, entry or map value; undefined when there is none. */
export function childSchema(schema: z.core.$ZodType, part: string | number): z.core.$ZodType | undefined {
  const inner = unwrap(schema);
  if (inner instanceof z.ZodArray) return inner.element;
  if (inner instanceof z.ZodRecord) return inner.valueType;
  const shape = shapeOf(inner);
  return shape !== undefined && Object.hasOwn(shape, part) ? shape[part] : undefined;
}

/** The schema at a path below `schema`. */
export function schemaAt(schema: z.core.$ZodType, path: Path): z.core.$ZodType | undefined {
  let at: z.core.$ZodType | undefined = schema;
  for (const part of path) at = at === undefined ? undefined : childSchema(at, part);
  return at;
}
