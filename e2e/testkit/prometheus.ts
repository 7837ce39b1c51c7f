/** What has a console: the demo, or whoever knows where one is. */
export interface HasConsole {
  readonly urls: { readonly console: string };
}

/** One series of an instant query. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Asks the console's Prometheus API. Throws for anything but success. */
export async function query({ urls }: HasConsole, promql: string): Promise<readonly Sample[]> {
  const response = await fetch(`${urls.console}/prometheus/api/v1/query?query=${encodeURIComponent(promql)}`);
  const answer = (await response.json()) as {
    readonly status: string;
    readonly error?: string;
    readonly data: { readonly result: readonly { readonly metric: Readonly<Record<string, string>>; readonly value: readonly [number, string] }[] };
  };
  if (answer.status !== 'success') throw new Error(`${promql}: ${answer.error ?? response.status}`);
  return answer.data.result.map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) }));
}

/** The value of a query with one result; 0 when there is none. */
export async function queryValue(demo: HasConsole, promql: string): Promise<number> {
  return (await query(demo, promql))[0]?.value ?? 0;
}
