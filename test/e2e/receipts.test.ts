import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { cp, mkdir, readFile, truncate, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { promisify } from 'node:util'
import { GetJobOutputCommand, InitiateJobCommand } from '@aws-sdk/client-glacier'
import type { JobView } from '@firn/contracts'
import { MIB } from '@firn/core'
import { z } from 'zod'
import {
  openScratch,
  openTestStack,
  type Scratch,
  submit,
  type TestStack,
  untilArchived,
  VAULT,
} from './test-stack.ts'

const run = promisify(execFile)
const COMMAND_MAX_MS = 120_000

const page = await readFile('docs/receipts.md', 'utf8')

/** The block of the page in that language, word for word. */
function blockOf(language: string): string {
  const blocks = [...page.matchAll(/^```(\w+)\n(.*?)^```$/gms)].filter(
    ([, one]) => one === language,
  )
  assert.equal(blocks.length, 1, language)
  return blocks[0]?.[2] ?? ''
}

async function canRun(...[command = '', ...args]: readonly string[]): Promise<boolean> {
  return await run(command, args).then(
    () => true,
    () => false,
  )
}

const noPython = (await canRun('python3', '--version')) ? false : 'python3 is not here'
const noCli =
  noPython || ((await canRun('aws', '--version')) ? false : 'the AWS CLI (aws) is not here')

describe('docs/receipts.md', { timeout: 10 * 60_000 }, () => {
  const resources = new AsyncDisposableStack()
  let scratch: Scratch
  let test: TestStack
  let job: JobView
  let source: string
  let receiptFile: string

  before(async () => {
    scratch = resources.use(await openScratch())
    test = resources.use(await openTestStack(scratch))
    source = await scratch.makeFile('source.bin', 9 * MIB + 12_345)
    job = await untilArchived(test, (await submit(test, source, { partSize: 2 * MIB })).id)
    const folder = join(scratch.path, 'data/journal', job.id.slice(-1), job.id)
    receiptFile = join(folder, 'receipt.json')
  })
  after(() => resources.disposeAsync())

  /** A directory as a reader of the page has it: the receipt, and the program. */
  async function readersDirectory(name: string): Promise<string> {
    const directory = join(scratch.path, name)
    await mkdir(directory)
    await cp(receiptFile, join(directory, 'receipt.json'))
    await writeFile(join(directory, 'verify.py'), blockOf('python'))
    return directory
  }

  async function verify(
    archive: string,
  ): Promise<{ readonly code: number; readonly said: string }> {
    const args = ['verify.py', 'receipt.json', archive]
    const options = { cwd: dirname(archive), timeout: COMMAND_MAX_MS }
    try {
      const { stdout } = await run('python3', args, options)
      return { code: 0, said: stdout }
    } catch (error) {
      const failure = z.object({ code: z.number(), stdout: z.string() }).parse(error)
      return { code: failure.code, said: failure.stdout }
    }
  }

  async function retrieve(file: string): Promise<void> {
    const target = { accountId: '-', vaultName: VAULT }
    const jobParameters = { Type: 'archive-retrieval', ArchiveId: job.archiveId ?? '' }
    const { jobId } = await test.glacier.send(new InitiateJobCommand({ ...target, jobParameters }))
    const output = await test.glacier.send(new GetJobOutputCommand({ ...target, jobId }))
    await writeFile(file, (await output.body?.transformToByteArray()) ?? '')
  }

  it('has an example with exactly the fields of a receipt', async () => {
    const shape = (value: unknown): unknown => {
      if (Array.isArray(value)) return value.slice(0, 1).map(shape)
      if (value === null || typeof value !== 'object') return typeof value
      return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, shape(one)]))
    }
    const receipt: unknown = JSON.parse(await readFile(receiptFile, 'utf8'))
    const example: unknown = JSON.parse(blockOf('json'))
    assert.deepEqual(shape({ ...Object(example), labels: {} }), shape(receipt))
    for (const field of Object.keys(Object(receipt))) {
      assert.match(page, new RegExp(`^\\|[^|]*\`${field}[\`.]`, 'm'), field)
    }
  })

  it('has a receipt that says where the archive is and what it holds', async () => {
    const receipt: unknown = JSON.parse(await readFile(receiptFile, 'utf8'))
    const Facts = z.object({
      formatVersion: z.literal(2),
      region: z.literal('us-east-1'),
      account: z.literal('111122223333'),
      vault: z.literal(VAULT),
      archive: z.object({ archiveId: z.string(), treeHash: z.string() }),
      plan: z.object({ sizeBytes: z.literal(9 * MIB + 12_345), partCount: z.literal(5) }),
      partTreeHashes: z.array(z.string()).length(5),
      source: z.object({ path: z.literal(source) }),
      pin: z.object({ sizeBytes: z.literal(9 * MIB + 12_345), inode: z.string() }),
    })
    const { archive } = Facts.parse(receipt)
    assert.deepEqual([archive.archiveId, archive.treeHash], [job.archiveId, job.sha256TreeHash])
  })

  it('verifies what was retrieved, with the program that it shows', {
    skip: noPython,
  }, async () => {
    const directory = await readersDirectory('verified')
    const archive = join(directory, 'archive.bin')
    await retrieve(archive)
    const { code, said } = await verify(archive)
    assert.equal(code, 0, said)
    assert.ok(said.includes(`${9 * MIB + 12_345} bytes are archive ${job.archiveId}`), said)
  })

  it('finds a flipped bit, a missing end and a receipt that lies', { skip: noPython }, async () => {
    const directory = await readersDirectory('spoiled')
    const archive = join(directory, 'archive.bin')
    const bytes = await readFile(source)
    bytes.writeUInt8(bytes.readUInt8(5 * MIB) ^ 1, 5 * MIB)
    await writeFile(archive, bytes)
    const flipped = await verify(archive)
    assert.equal(flipped.code, 1)
    assert.match(
      flipped.said,
      /^part 2 \(bytes 4194304 to 6291455\) differs\nthe tree hash differs\n$/,
    )

    await cp(source, archive)
    await truncate(archive, 9 * MIB)
    const cut = await verify(archive)
    assert.equal(cut.code, 1)
    assert.match(cut.said, /^9437184 bytes, the receipt says 9449529\npart 4 /)

    await cp(source, archive)
    const text = await readFile(receiptFile, 'utf8')
    const hash = job.sha256TreeHash ?? ''
    const lying = text.replaceAll(
      hash,
      hash.replace(/^./, (digit) => (digit === '0' ? '1' : '0')),
    )
    await writeFile(join(directory, 'receipt.json'), lying)
    const lied = await verify(archive)
    assert.equal(lied.code, 1)
    assert.match(lied.said, /^the receipt contradicts itself.*\nthe tree hash differs\n$/)
  })

  it('retrieves the archive with the commands that it shows', { skip: noCli }, async () => {
    const directory = await readersDirectory('retrieved')
    const { vault } = test.stack
    assert.ok(vault)
    await run('sh', ['-c', blockOf('sh')], {
      cwd: directory,
      timeout: COMMAND_MAX_MS,
      env: {
        PATH: process.env.PATH,
        HOME: '/nonexistent',
        AWS_ENDPOINT_URL_GLACIER: vault.endpoint,
        AWS_ACCESS_KEY_ID: vault.accessKeyId,
        AWS_SECRET_ACCESS_KEY: vault.secretAccessKey,
        AWS_EC2_METADATA_DISABLED: 'true',
        AWS_PAGER: '',
      },
    })
    const archive = join(directory, 'archive.bin')
    const { code, said } = await verify(archive)
    assert.equal(code, 0, said)
    assert.ok((await readFile(archive)).equals(await readFile(source)))
  })
})
