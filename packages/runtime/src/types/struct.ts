/** Structured values that filters leave for each other and for logs, by namespace (the filter's name). Plain JSON. */
export type MetadataValue = string | number | boolean | null | readonly MetadataValue[] | { readonly [key: string]: MetadataValue };
export type MetadataStruct = Readonly<Record<string, MetadataValue>>;
