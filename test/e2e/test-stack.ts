import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  DescribeVaultCommand,
  type GlacierClient,
  ListMultipartUploadsCommand,
} from '@aws-sdk/client-glacier'
import type { JobView } from '@firn/contracts'
import {
  type ApiClient,
  createApiClient,
  createFileOutput,
  createGlacierClient,
  neutralVariables,
  type Stack,
  type StackOptions,
  startStack,
  verifyArchive,
  writeInputFile,
} from '@firn/stack'

export const VAULT = 'e2e'
/** Long: the machine may be busy with other tests. What takes this long has stopped for good. */
const WAIT_MAX_MS = 180_000
const POLL_MS = 20

/** A directory that a stack's data outlives the stack in. */
export interface Scratch extends AsyncDisposable {
  readonly path: string
  /** A file of pseudo-random bytes under {@link path}. */
  readonly makeFile: (name: string, sizeBytes: number) => Promise<string>
}

export async function openScratch(): Promise<Scratch> {
  const path = await mkdtemp(join(tmpdir(), 'firn-e2e-'))
  await mkdir(join(path, 'files'))
  return {
    path,
    async makeFile(name, sizeBytes) {
      const file = join(path, 'files', name)
      await writeInputFile({ file, sizeBytes, seed: file }, AbortSignal.timeout(WAIT_MAX_MS))
      return file
    },
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  }
}

export interface TestStack extends AsyncDisposable {
  readonly stack: Stack
  readonly api: ApiClient
  readonly glacier: GlacierClient
}

/**
 * A whole Firn with real processes: two workers unless told otherwise, and nothing restarts unless
 * told to. A second one over the same scratch directory finds what the first one left.
 */
export async function openTestStack(
  scratch: Scratch,
  options: Partial<StackOptions> = {},
): Promise<TestStack> {
  const signal = AbortSignal.timeout(WAIT_MAX_MS)
  const stack = await startStack(
    {
      dataDir: join(scratch.path, 'data'),
      workerCount: 2,
      sourceRoots: [join(scratch.path, 'files')],
      ports: { api: 0, vault: 0 },
      redisUrl: null,
      glacier: 'vault',
      restart: false,
      env: neutralVariables(process.env),
      output: createFileOutput(join(scratch.path, 'logs')),
      ...options,
    },
    signal,
  )
  assert.ok(stack.vault, 'a test stack has a vault of its own')
  const api = createApiClient({ url: stack.apiUrl, token: stack.apiToken })
  const glacier = createGlacierClient(stack.vault)
  await api.createVault(VAULT, signal)
  return {
    stack,
    api,
    glacier,
    async [Symbol.asyncDispose]() {
      glacier.destroy()
      await stack[Symbol.asyncDispose]()
    },
  }
}

/** Asks for an archive of the file. */
export function submit(
  { api }: TestStack,
  file: string,
  more: { readonly partSize?: number; readonly vault?: string } = {},
): Promise<JobView> {
  const source = { type: 'file', path: file } as const
  return api.createJob({ vault: VAULT, source, ...more }, AbortSignal.timeout(WAIT_MAX_MS))
}

/** The first view of the job for which `isTrue` holds. */
export async function untilJob(
  { api }: TestStack,
  id: string,
  isTrue: (job: JobView) => boolean,
): Promise<JobView> {
  const signal = AbortSignal.timeout(WAIT_MAX_MS)
  for (;;) {
    const job = await api.getJob(id, signal)
    if (isTrue(job)) return job
    await sleep(POLL_MS, undefined, { signal })
  }
}

/** The job at its end, which must be an archive. */
export async function untilArchived(test: TestStack, id: string): Promise<JobView> {
  let last: JobView | undefined
  for await (const job of test.api.watchJob(id, AbortSignal.timeout(WAIT_MAX_MS))) last = job
  assert.ok(last)
  assert.equal(last.state, 'archived', JSON.stringify(last.error))
  return last
}

/** Retrieves the job's archive through Glacier and compares every byte with the file. */
export async function verify({ glacier }: TestStack, job: JobView, file: string): Promise<void> {
  const { archiveId, sha256TreeHash, size } = job
  assert.ok(archiveId !== null && sha256TreeHash !== null && size !== null)
  const expected = { file, vault: VAULT, archiveId, treeHash: sha256TreeHash, sizeBytes: size }
  await verifyArchive(glacier, expected, () => {}, AbortSignal.timeout(WAIT_MAX_MS))
}

export async function archiveCount({ glacier }: TestStack): Promise<number> {
  const target = { accountId: '-', vaultName: VAULT }
  const { NumberOfArchives } = await glacier.send(new DescribeVaultCommand(target))
  return NumberOfArchives ?? 0
}

/** The multipart uploads in progress in the vault; fewer than a page in every test. */
export async function uploadIds({ glacier }: TestStack): Promise<readonly string[]> {
  const target = { accountId: '-', vaultName: VAULT }
  const { UploadsList } = await glacier.send(new ListMultipartUploadsCommand(target))
  return (UploadsList ?? []).map(({ MultipartUploadId }) => MultipartUploadId ?? '')
}

/** Polls until the vault has no multipart upload in progress. */
export async function untilNoUpload(test: TestStack): Promise<void> {
  const signal = AbortSignal.timeout(WAIT_MAX_MS)
  while ((await uploadIds(test)).length > 0) await sleep(POLL_MS, undefined, { signal })
}
