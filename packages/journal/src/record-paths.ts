import { type JobId, parseJobId } from '@firn/core'

/** A job's records besides its definition, each in a file of its own. */
export type RecordName = 'receipt' | 'failure' | `${GenerationKind}-${number}`
export type GenerationKind = 'generation' | 'upload' | 'intent'

const EXTENSION = '.json'

/** Folders of definitions. The last digit of a job's id, which is random, says which is its own. */
export const shards: readonly string[] = [...'0123456789abcdef']

/** `<shard>/<job>.json` */
export function definitionPath(id: JobId): string {
  return `${recordFolder(id)}${EXTENSION}`
}

/** `<shard>/<job>`, which holds the other records of the job. */
export function recordFolder(id: JobId): string {
  return `${id.slice(-1)}/${id}`
}

/** `<shard>/<job>/<name>.json` */
export function recordPath(id: JobId, name: RecordName): string {
  return `${recordFolder(id)}/${name}${EXTENSION}`
}

/** The job whose definition is called so, or undefined for anything else in a shard. */
export function jobOfDefinition(name: string): JobId | undefined {
  return name.endsWith(EXTENSION) ? parseJobId(name.slice(0, -EXTENSION.length)) : undefined
}

/** The generations that have a record of this kind, by the names in the job's folder; ascending. */
export function generationsIn(names: readonly string[], kind: GenerationKind): readonly number[] {
  const pattern = new RegExp(`^${kind}-([1-9][0-9]*)\\${EXTENSION}$`)
  return names
    .flatMap((name) => pattern.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b)
}
