import { z } from 'zod'

const Answer = z.object({
  status: z.literal('success'),
  data: z.object({
    resultType: z.string(),
    result: z.union([
      z.array(z.object({ metric: z.record(z.string(), z.string()) }).loose()),
      z.tuple([z.number(), z.string()]).transform(() => [{ metric: {} }]),
    ]),
  }),
})

/** The series that an instant query gives. Rejects, with Prometheus's words, when it does not parse. */
export async function queryPrometheus(
  url: string,
  query: string,
): Promise<readonly { readonly metric: Readonly<Record<string, string>> }[]> {
  const response = await fetch(`${url}/api/v1/query?${new URLSearchParams({ query })}`, {
    signal: AbortSignal.timeout(20_000),
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`Prometheus refuses "${query}": ${text}`)
  return Answer.parse(JSON.parse(text)).data.result
}
