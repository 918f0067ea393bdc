import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { createApiClient } from './api-client.ts'
import { type ArchivedFile, archiveFiles } from './demo/archive-files.ts'
import { formatByteSize } from './demo/byte-size.ts'
import { writeInputFile } from './demo/input-file.ts'
import { type DemoOptions, parseDemoOptions, USAGE } from './demo/options.ts'
import { createProgressLine } from './demo/progress-line.ts'
import { verifyArchive } from './demo/verify-archive.ts'
import { createGlacierClient } from './glacier-client.ts'
import { createFileOutput } from './output.ts'
import { neutralVariables } from './settings.ts'
import { type Stack, startStack } from './stack.ts'
import { listenForStop } from './stop-signal.ts'

const VAULT = 'demo'

const parsed = parseDemoOptions(process.argv.slice(2))
if (parsed.ok) {
  using stop = listenForStop(process.env, () => process.exit(1))
  process.exitCode = await runDemo(parsed.options, stop.signal)
} else {
  console.error(`${parsed.reason}\n\n${USAGE}`)
  process.exitCode = 2
}

async function runDemo(options: DemoOptions, signal: AbortSignal): Promise<number> {
  let named: readonly InputFile[]
  try {
    named = await findFiles(options.files)
  } catch (error) {
    console.error(`✘ ${explain(error)}`)
    return 2
  }
  const scratch = await mkdtemp(join(tmpdir(), 'firn-demo-'))
  try {
    await archiveAndCompare({ options, named, scratch }, signal)
  } catch (error) {
    if (signal.aborted) console.error(`\nStopped. Scratch directory: ${scratch}`)
    else console.error(`\n✘ ${explain(error)}\n\nKept for a look: ${scratch} (logs in logs/)`)
    return 1
  }
  if (options.keepsScratch) console.log(`Kept: ${scratch}`)
  else await rm(scratch, { recursive: true, force: true })
  return 0
}

async function archiveAndCompare(
  input: {
    readonly options: DemoOptions
    readonly named: readonly InputFile[]
    readonly scratch: string
  },
  signal: AbortSignal,
): Promise<void> {
  const { options, named, scratch } = input
  const files = named.length > 0 ? named : [await makeFile(options.sizeBytes, scratch, signal)]
  await using stack = await start(options, { files, scratch }, signal)
  const api = createApiClient({ url: stack.apiUrl, token: stack.apiToken })
  await api.createVault(VAULT, signal)
  const archived = await archiveFiles(
    api,
    {
      files,
      vault: VAULT,
      partSizeBytes: options.partSizeBytes,
      progress: createProgressLine('Archiving', process.stdout, () => performance.now()),
    },
    signal,
  )
  const failures = archived.flatMap(({ file, job }) =>
    job.state === 'archived' ? [] : `${file}: ${describeFailure(job)}`,
  )
  if (failures.length > 0) throw new Error(failures.join('\n  '))
  await compare(stack, archived, signal)
  for (const result of archived) report(result)
  console.log(
    `\n✔ ${archived.length === 1 ? 'The archive is' : `All ${archived.length} archives are`} byte for byte what was put in.`,
  )
}

interface InputFile {
  readonly file: string
  readonly sizeBytes: number
}

/** Names are meant from where the user was; one that is given twice is one file. */
function findFiles(names: readonly string[]): Promise<readonly InputFile[]> {
  const userDirectory = process.env.INIT_CWD ?? process.cwd()
  const files = [...new Set(names.map((name) => resolve(userDirectory, name)))]
  return Promise.all(
    files.map(async (file) => {
      const found = await stat(file).catch((error: unknown) => {
        throw new Error(`Cannot read ${file}`, { cause: error })
      })
      return { file, sizeBytes: found.size }
    }),
  )
}

async function makeFile(
  sizeBytes: number,
  scratch: string,
  signal: AbortSignal,
): Promise<InputFile> {
  const file = join(scratch, 'input.bin')
  console.log(`Making a file of ${formatByteSize(sizeBytes)} of pseudo-random bytes`)
  await writeInputFile({ file, sizeBytes, seed: scratch }, signal)
  return { file, sizeBytes }
}

async function start(
  options: DemoOptions,
  input: { readonly files: readonly InputFile[]; readonly scratch: string },
  signal: AbortSignal,
): Promise<Stack> {
  const startedAt = performance.now()
  const stack = await startStack(
    {
      dataDir: input.scratch,
      workerCount: options.workerCount,
      sourceRoots: [...new Set(input.files.map(({ file }) => dirname(file)))],
      ports: { api: 0, vault: 0 },
      redisUrl: null,
      glacier: 'vault',
      restart: true,
      env: neutralVariables(process.env),
      output: createFileOutput(join(input.scratch, 'logs')),
    },
    signal,
  )
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
  const names = stack.processes().map(({ name }) => name)
  console.log(`Firn is up in ${seconds} s: ${names.join(', ')}`)
  return stack
}

async function compare(
  stack: Stack,
  archived: readonly ArchivedFile[],
  signal: AbortSignal,
): Promise<void> {
  if (stack.vault === null) throw new Error('The demo runs against its own vault')
  const glacier = createGlacierClient(stack.vault)
  const totalBytes = archived.reduce((sum, { job }) => sum + (job.size ?? 0), 0)
  const progress = createProgressLine('Comparing', process.stdout, () => performance.now())
  let doneBytes = 0
  try {
    for (const { file, job } of archived) {
      const { archiveId, sha256TreeHash: treeHash, size: sizeBytes } = job
      if (archiveId === null || treeHash === null || sizeBytes === null) {
        throw new Error(`Job ${job.id} is archived and names no archive`)
      }
      const onBytes = (bytes: number): void => {
        doneBytes += bytes
        progress.show({ doneBytes, totalBytes, detail: '' })
      }
      const expected = { file, vault: VAULT, archiveId, treeHash, sizeBytes }
      await verifyArchive(glacier, expected, onBytes, signal)
    }
  } finally {
    progress.end()
    glacier.destroy()
  }
}

function report({ file, job, seconds }: ArchivedFile): void {
  const sizeBytes = job.size ?? 0
  const speed = (sizeBytes / 1024 ** 2 / seconds).toFixed(1)
  console.log(`
${file}
  archive    ${job.archiveId}
  tree hash  ${job.sha256TreeHash}
  size       ${sizeBytes} bytes (${formatByteSize(sizeBytes)})
  parts      ${job.parts.total} of at most ${formatByteSize(job.partSize ?? 0)}
  time       ${seconds.toFixed(2)} s from POST to archived, ${speed} MiB/s`)
}

function describeFailure({ state, error }: ArchivedFile['job']): string {
  return error === null ? `ended as ${state}` : `${error.message} (${error.code})`
}

function explain(error: unknown): string {
  const lines: string[] = []
  for (let cause = error; cause instanceof Error; cause = cause.cause) lines.push(cause.message)
  return lines.length === 0 ? String(error) : lines.join('\n  because: ')
}
