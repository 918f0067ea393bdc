import type { Archive } from './job.ts'

/** The AWS account that an archive's location names, twelve digits; null when it names none. */
export function accountOf({ location }: Pick<Archive, 'location'>): string | null {
  return /^\/([0-9]{12})\/vaults\//.exec(location)?.[1] ?? null
}
