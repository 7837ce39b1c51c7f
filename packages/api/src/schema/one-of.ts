import { z } from 'zod';

/** A group of fields of which at most one (`required`: exactly one) may be set. */
export interface OneOf {
  readonly fields: readonly string[];
  readonly required: boolean;
}

/** Key under which `oneOf` leaves its groups in a schema's metadata; the CRD and JSON Schema writers read and remove it. */
export const ONE_OF = 'x-meltemi-one-of';

/**
 * Of `fields`, at most one may be set; `required` asks for exactly one. Said in one line, where a zod union would list every
 * branch.
 */
export function oneOf<T extends z.ZodObject>(
  schema: T,
  fields: readonly (keyof z.input<T> & string)[],
  options: { readonly required?: boolean } = {},
): T {
  const required = options.required === true;
  const before = (schema.meta()?.[ONE_OF] ?? []) as readonly OneOf[];
  const group: OneOf = { fields, required };
  // A zod check with `when` runs although a field beside it is faulty: all faults of an object are told at once.
  const check = z.check<z.output<T>>((ctx) => {
    const message = oneOfFault(ctx.value, group);
    if (message !== undefined) ctx.issues.push({ code: 'custom', message, input: ctx.value, continue: true });
  });
  check._zod.def.when = () => true;
  return schema.check(check).meta({ [ONE_OF]: [...before, group] });
}

function oneOfFault(value: unknown, group: OneOf): string | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const set = group.fields.filter((field) => Object.hasOwn(value, field));
  if (set.length > 1) return `only one of ${group.fields.join(', ')} may be set; ${set.join(' and ')} are`;
  if (set.length === 0 && group.required) return `one of ${group.fields.join(', ')} must be set`;
  return undefined;
}
