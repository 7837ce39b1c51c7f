/** T with the members that may be undefined left out instead. */
export type Defined<T> = { readonly [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  readonly [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>;
};

/** The object without its undefined members: a message leaves out what is not set. Members keep their order. */
export function defined<T extends object>(object: T): Defined<T> {
  const made: Partial<Record<keyof T, unknown>> = {};
  // By hand: a large mesh has this for each of its routes.
  for (const key of Object.keys(object) as (keyof T)[]) {
    const value = object[key];
    if (value !== undefined) made[key] = value;
  }
  return made as unknown as Defined<T>;
}

/** A number that is set and not 0, which stands for "not set" in several fields of Istio. */
export function nonZero(value: number | undefined): number | undefined {
  return value === 0 ? undefined : value;
}

/** A text that is set and not empty. */
export function nonEmpty(value: string | undefined): string | undefined {
  return value === '' ? undefined : value;
}

/** The list, unless there is nothing in it. */
export function filled<T>(list: readonly T[]): readonly T[] | undefined {
  return list.length === 0 ? undefined : list;
}
