import { basename } from 'node:path'
import type { JobView } from '@firn/contracts'
import type { ApiClient } from '../api-client.ts'
import type { ProgressLine } from './progress-line.ts'

/** A file and what became of it. `job` is the job at its end. */
export interface ArchivedFile {
  readonly file: string
  readonly job: JobView
  readonly seconds: number
}

/** Archives the files at the same time and shows how far all of them are, until each job's end. */
export async function archiveFiles(
  api: ApiClient,
  input: {
    readonly files: readonly { readonly file: string; readonly sizeBytes: number }[]
    readonly vault: string
    readonly partSizeBytes: number | null
    readonly progress: ProgressLine
  },
  signal: AbortSignal,
): Promise<readonly ArchivedFile[]> {
  const { files, vault, partSizeBytes, progress } = input
  const totalBytes = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  const jobByFile = new Map<string, JobView>()
  const archive = async (file: string): Promise<ArchivedFile> => {
    const startedAt = performance.now()
    const source = { type: 'file', path: file } as const
    const partSize = partSizeBytes === null ? {} : { partSize: partSizeBytes }
    // The description holds ASCII only; a file's name may hold anything.
    const description = `demo: ${basename(file).replace(/[^\x20-\x7e]/g, '?')}`
    const created = await api.createJob({ vault, source, description, ...partSize }, signal)
    let job = created
    for await (const current of api.watchJob(created.id, signal)) {
      job = current
      jobByFile.set(file, current)
      progress.show({ ...sumOf([...jobByFile.values()], files.length), totalBytes })
    }
    return { file, job, seconds: (performance.now() - startedAt) / 1000 }
  }
  try {
    return await Promise.all(files.map(({ file }) => archive(file)))
  } finally {
    progress.end()
  }
}

function sumOf(jobs: readonly JobView[], fileCount: number) {
  const sum = (of: (job: JobView) => number): number => jobs.reduce((all, job) => all + of(job), 0)
  const parts = `${sum(({ parts: own }) => own.uploaded)}/${sum(({ parts: own }) => own.total ?? 0)} parts`
  const archived = jobs.filter(({ state }) => state === 'archived').length
  const [only] = jobs
  return {
    doneBytes: sum(({ bytes }) => bytes.uploaded),
    detail:
      fileCount === 1
        ? `${parts}  ${only?.state ?? ''}`
        : `${parts}  ${archived}/${fileCount} archived`,
  }
}
