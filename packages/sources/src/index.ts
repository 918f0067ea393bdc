export type { PartBody, Sources } from './sources.ts'
