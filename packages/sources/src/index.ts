export { createSources, type SourcesOptions } from './create-sources.ts'
export type { PartBody, Sources } from './sources.ts'
