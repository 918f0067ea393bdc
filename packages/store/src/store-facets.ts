import type { JobStore } from './job-store.ts'

/** The part of the store that counts parts. */
export type PartStore = Pick<
  JobStore,
  | 'beginPart'
  | 'openParts'
  | 'recordPart'
  | 'noteTrouble'
  | 'forgetParts'
  | 'unfinishedParts'
  | 'loadParts'
>

/** The part of the store that knows whether it may have lost something. */
export type MarkStore = Pick<JobStore, 'hasMark' | 'beginMark' | 'putMark'>

/** The part of the store that answers across jobs. */
export type IndexStore = Pick<
  JobStore,
  'list' | 'listDue' | 'countByState' | 'findArchive' | 'reindex' | 'stateEvents' | 'lastEventId'
>
