import { z } from 'zod'
import { invalidParameter } from '../glacier-error.ts'
import { checkedDescription } from './resources.ts'

const text = z.string().nullish()

/** The body of InitiateJob: the parameters themselves, though the guide prints them wrapped. */
export const JobParameters = z.looseObject({
  Type: text,
  ArchiveId: text,
  Description: text,
  SNSTopic: text,
  Tier: text,
  RetrievalByteRange: text,
  Format: text,
  InventoryRetrievalParameters: z
    .looseObject({
      StartDate: text,
      EndDate: text,
      // Clients of the model send a string; people send a number.
      Limit: z.union([z.string(), z.number()]).nullish(),
      Marker: text,
    })
    .nullish(),
})

export type JobParameters = z.infer<typeof JobParameters>

/** What every job has. */
export function commonJobFields(
  parameters: JobParameters,
  input: { readonly jobId: string; readonly nowMs: number; readonly jobDelayMs: number },
) {
  return {
    jobId: input.jobId,
    createdAtMs: input.nowMs,
    completesAtMs: input.nowMs + input.jobDelayMs,
    description: checkedDescription('Description', parameters.Description ?? ''),
    snsTopic: parameters.SNSTopic ?? null,
  }
}

/** Refuses parameters that the type of job does not have. */
export function refuseParameters(
  parameters: JobParameters,
  names: readonly (keyof JobParameters & string)[],
): void {
  for (const name of names) {
    if (parameters[name] === undefined || parameters[name] === null) continue
    throw invalidParameter(`${name} is not valid for a job of type ${parameters.Type}`)
  }
}
