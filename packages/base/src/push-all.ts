/** Appends all items, however many: `push(...items)` puts each of them on the stack, which holds about a hundred thousand. */
export function pushAll<T>(list: T[], items: Iterable<T>): void {
  for (const item of items) list.push(item);
}
